"""NativeCall: pjsua2's callbacks of one call, copied and handed on to whoever owns it."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import pjsua2 as pj

from sipagent.call.keypad import KeyWay
from sipagent.call.leg import LegInfo, LegState, Quality

from .describing import answering, in_order
from .digits import Event
from .native import fenced
from .quality import quality

_STATES = {
    pj.PJSIP_INV_STATE_EARLY: LegState.EARLY,
    pj.PJSIP_INV_STATE_CONFIRMED: LegState.CONFIRMED,
    pj.PJSIP_INV_STATE_DISCONNECTED: LegState.DISCONNECTED,
}


class CallEvents(Protocol):
    """Who owns a native call. `identify`, `asked` and `judge_referral` are called inside a
    callback, the others on the loop, outside of any.
    """

    @property
    def info(self) -> LegInfo:
        """Who is on the call; without a Call-ID until `identify`."""
        ...

    def identify(self, info: Any) -> None:
        """The native call knows who is on it."""
        ...

    def moved(self, state: LegState, status: int, reason: str, message: str) -> None:
        """The INVITE session entered `state`, because of `message` where one came."""
        ...

    def media_changed(self, ours: bool, theirs: bool) -> None:
        """Media was negotiated: on hold by our wish, or by the far end's, or not."""
        ...

    def pressed(self, event: Event, way: KeyWay) -> None:
        """The far end presses a key; told several times of one telephone-event."""
        ...

    def texted(self, text: str) -> None:
        """The far end sent a text within the call."""
        ...

    def accepted(self, method: str, status: int) -> None:
        """A request of ours within the dialog got a 2xx."""
        ...

    def media_ended(self, quality: Quality) -> None:
        """A stream is over; another may follow."""
        ...

    def refused(self, method: str, status: int) -> None:
        """A request of ours within the dialog was refused, or not answered (408)."""
        ...

    def referred(self, status: int, reason: str) -> None:
        """The final outcome of our REFER."""
        ...

    def responded(self, message: str) -> None:
        """The far end said more than 100 to our INVITE, below 300."""
        ...

    def asked(self, message: str) -> None:
        """The far end sent a REFER."""
        ...

    def judge_referral(self) -> int:
        """The status that REFER gets; never a 2xx."""
        ...


class NativeCall(pj.Call):  # type: ignore[misc]
    """pjsua2's call: copies what its callbacks say and hands it to the leg on a later turn.

    A callback runs with native locks held and inside whatever API call caused it, so nothing is
    decided in one. Only what must be true at once is kept here: the conference slot, which is
    another's as soon as the media is gone.
    """

    def __init__(self, account: Any, call_id: int = pj.PJSUA_INVALID_ID) -> None:
        super().__init__(account, call_id)
        self.loop = asyncio.get_running_loop()
        self.leg: CallEvents | None = None
        self.account = account
        self.media: Any = None
        self.media_index = 0
        #: how often media was negotiated; what is known of a stream holds until the next time
        self.negotiated = 0
        #: a 2xx was sent or received, its ACK perhaps not yet
        self.answered = False
        #: the far end's CANCEL, which the session does not end by itself
        self._cancel = ""
        #: what it may speak, best first; None leaves it to the library
        self.codecs: Sequence[str] | None = None

    def _tell(self, method: Callable[..., None], *arguments: object) -> None:
        self.loop.call_soon(method, *arguments)

    @fenced
    def onCallState(self, prm: Any) -> None:  # noqa: N802
        """The INVITE session moved."""
        info = self.getInfo()
        if info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            self.media = None
        self.answered = self.answered or info.state == pj.PJSIP_INV_STATE_CONNECTING
        if self.leg is not None and not self.leg.info.sip_call_id:
            self.leg.identify(info)
        if self.leg is not None and info.state in _STATES:
            state = _STATES[info.state]
            message = _received(prm.e) or self._cancel
            told = int(info.lastStatusCode), str(info.lastReason), message
            self._tell(self.leg.moved, state, *told)

    @fenced
    def onCallMediaState(self, prm: Any) -> None:  # noqa: N802
        """Media was negotiated, anew or for the first time."""
        self.media = None
        self.negotiated += 1
        status = pj.PJSUA_CALL_MEDIA_NONE
        # a member of a temporary dies with it: the info needs a name while it is read
        info = self.getInfo()
        for media in info.media:
            if media.type != pj.PJMEDIA_TYPE_AUDIO:
                continue
            status = media.status
            if media.audioConfSlot != pj.PJSUA_INVALID_ID:
                self.media = self.getAudioMedia(media.index)
                self.media_index = int(media.index)
            break
        if self.leg is not None:
            ours = status == pj.PJSUA_CALL_MEDIA_LOCAL_HOLD
            theirs = status == pj.PJSUA_CALL_MEDIA_REMOTE_HOLD
            self._tell(self.leg.media_changed, ours, theirs)

    @fenced
    def onCallSdpCreated(self, prm: Any) -> None:  # noqa: N802
        """The library has made an offer or an answer of ours, not sent yet."""
        own = said = str(prm.sdp.wholeSdp)
        if self.codecs is not None:
            own = in_order(own, self.codecs)
        own = answering(own, str(prm.remSdp.wholeSdp))
        if own != said:
            prm.sdp.wholeSdp = own

    @fenced
    def onStreamDestroyed(self, prm: Any) -> None:  # noqa: N802
        """A stream ends, but its figures can still be read."""
        if self.leg is not None:
            self._tell(self.leg.media_ended, quality(self, int(prm.streamIdx)))

    @fenced
    def onDtmfEvent(self, prm: Any) -> None:  # noqa: N802
        """A key, by RFC 4733 or INFO. A telephone-event is told again as it goes on; the stack
        takes one for the other where a beginning was lost, so every word of it is handed on.
        """
        if self.leg is not None:
            way: KeyWay = "info" if prm.method == pj.PJSUA_DTMF_METHOD_SIP_INFO else "rfc4733"
            event = Event(str(prm.digit), int(prm.timestamp), int(prm.duration))
            self._tell(self.leg.pressed, event, way)

    @fenced
    def onInstantMessage(self, prm: Any) -> None:  # noqa: N802
        """A MESSAGE within the call (RFC 3428); the stack has answered it."""
        if self.leg is not None and str(prm.contentType).lower().startswith("text/plain"):
            self._tell(self.leg.texted, str(prm.msgBody))

    def event_payloads(self) -> tuple[int | None, int | None]:
        """Payload types of telephone-events as agreed, sent and received; None for none."""
        try:
            info = self.getStreamInfo(self.media_index)
        except pj.Error:  # no media now
            return None, None
        sent, got = int(info.audTxEventPt), int(info.audRxEventPt)
        return (sent if sent >= 0 else None), (got if got >= 0 else None)

    @fenced
    def onCallTsxState(self, prm: Any) -> None:  # noqa: N802
        """A transaction in the dialog moved: a REFER came, or our own request was answered."""
        moved = prm.e.body.tsxState
        method, status = str(moved.tsx.method), int(moved.tsx.statusCode)
        received = _received(prm.e)
        if method == "CANCEL":
            self._cancel = received or self._cancel
        if self.leg is None:
            return
        if moved.tsx.role != pj.PJSIP_ROLE_UAC:
            if method == "REFER" and received:
                self.leg.asked(received)
        elif status >= 300 and status not in (401, 407):
            self._tell(self.leg.refused, method, status)
        elif method == "INVITE" and received and status > 100:
            self._tell(self.leg.responded, received)
        elif method == "INFO" and 200 <= status < 300:
            self._tell(self.leg.accepted, method, status)

    @fenced
    def onCallTransferStatus(self, prm: Any) -> None:  # noqa: N802
        """The far end reports how the call it was asked to make goes."""
        prm.cont = not prm.finalNotify
        if self.leg is not None and prm.finalNotify:
            self._tell(self.leg.referred, int(prm.statusCode), str(prm.reason))

    @fenced
    def onCallTransferRequest(self, prm: Any) -> None:  # noqa: N802
        """The far end asks us to call somebody: whoever owns the leg decides, and dials."""
        prm.statusCode = 603
        if self.leg is not None:
            prm.statusCode = self.leg.judge_referral()

    def onCallRedirected(self, prm: Any) -> Any:  # noqa: N802
        """A 3xx: none of its targets is called here. The call ends with the 3xx, and whoever
        placed it asks the policy.
        """
        return pj.PJSIP_REDIRECT_REJECT

    @fenced
    def onCallReplaceRequest(self, prm: Any) -> None:  # noqa: N802
        """An INVITE with Replaces. The edge writes what it lets through in words of our own."""
        prm.statusCode = 603


def _received(event: Any) -> str:
    """The message that made the session move; empty where none came (a timer, our own doing)."""
    moved = event.body.tsxState
    if event.type != pj.PJSIP_EVENT_TSX_STATE or moved.type != pj.PJSIP_EVENT_RX_MSG:
        return ""
    return str(moved.src.rdata.wholeMsg)
