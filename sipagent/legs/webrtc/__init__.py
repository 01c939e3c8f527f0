"""Browser legs: a page's RTCPeerConnection as a party on the bridge (aiortc, Opus).

`offer` knows no library; whatever imports aiortc is loaded by `booth` alone, where the settings
have `webrtc`.
"""
