"""Sound on its way to a vendor: mu-law on a call of 8 kHz, as it came in; else s16le."""

from sipagent.media.g711 import encode

#: s16le samples of mu-law's and of linear silence
_QUIET = {8000: b"\xff", 16000: b"\x00\x00"}


def outgoing(pcm: bytes, rate: int) -> bytes:
    """s16le at the call's rate as it is sent."""
    return encode("PCMU", pcm) if rate == 8000 else pcm


def silence(ms: int, rate: int) -> bytes:
    """So much silence, as it is sent."""
    return _QUIET[rate] * (rate * ms // 1000)
