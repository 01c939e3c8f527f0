"""Taps: the call's audio sent somewhere else, and taken back from there."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator

from sipagent.call.control import CallControl
from sipagent.call.session import CallSession
from sipagent.call.tap_uri import TapUri
from sipagent.call.tap_wires import TapOrder, Track
from sipagent.call.verb import Outcome, Verb
from sipagent.errors import CallError, PlanError
from sipagent.media.g711 import G711

from .blocks import IGNORED
from .flow import remember

_TRACKS: dict[str, tuple[Track, ...]] = {
    "speak": ("speak",),
    "listen": ("listen",),
    "both": ("speak", "listen"),
}


def _uri(text: str) -> str:
    """A sound URI as it is, and a template: its value is checked when it is known."""
    if "${" not in text and "%{" not in text:
        try:
            TapUri.parse(text)
        except CallError as error:
            raise ValueError(str(error)) from error
    return text


async def _start(
    call: CallSession, control_id: str, order: TapOrder, *, two_way: bool = False
) -> Outcome:
    if not call.consent.permits:
        call.consent.hold(lambda: _start(call, control_id, order, two_way=two_way))
        return Outcome(detail="it will be sent once the caller agrees")
    try:
        await call.taps.start(control_id, order, two_way=two_way)
    except CallError as error:
        remember(call, tap_result="failed", tap_failed_reason=str(error))
        raise
    remember(call, tap_control_id=control_id, tap_result="started", tap_failed_reason="")
    return Outcome(detail=f"the call's audio is sent to {order.uri}")


def _about(call: CallSession, control_id: str, extra: Any = None) -> dict[str, Any]:
    told = call.scope.get("call", {})
    return {
        "call_id": call.id,
        "control_id": control_id,
        "from": told.get("from", ""),
        "to": told.get("to", ""),
        "parameters": extra or {},
    }


class TapVerb(Verb):
    """Send a copy of the call's audio over RTP or a WebSocket, in the background."""

    name: ClassVar[str] = "tap"
    uri: str = Field(description="rtp://host:port, ws://... or wss://...; policy.taps permits it")
    control_id: str = Field(default="tap", min_length=1, max_length=64)
    direction: Literal["speak", "listen", "both"] = Field(
        default="speak", description="what the caller says, what they hear, or both"
    )
    codec: G711 = "PCMU"
    rtp_ptime: int = Field(default=20, ge=20, le=200, multiple_of=20, description="ms a packet")
    status_url: Annotated[str | None, IGNORED] = None

    _sound = field_validator("uri")(_uri)

    @property
    def taps(self) -> tuple[str, ...]:
        """Where the audio goes."""
        return (self.uri,)

    async def run(self, control: CallControl) -> Outcome:
        """Begin; the plan goes on."""
        call = control.call
        order = TapOrder(
            uri=self.uri,
            tracks=_TRACKS[self.direction],
            codec=self.codec,
            ptime=self.rtp_ptime,
            rate=call.bridge.rate,
            about=_about(call, self.control_id),
        )
        return await _start(call, self.control_id, order)


class StreamVerb(Verb):
    """Send the call's audio to a WebSocket server and let the caller hear what it sends back."""

    name: ClassVar[str] = "stream"
    url: str = Field(description="ws://... or wss://...; policy.taps permits it")
    control_id: str = Field(default="stream", min_length=1, max_length=64)
    track: Literal["inbound", "outbound", "both"] = Field(
        default="inbound", description="what the caller says, what they hear, or both"
    )
    codec: G711 = "PCMU"
    two_way: bool = Field(default=True, description="play what comes back")
    custom_parameters: dict[str, Any] = Field(
        default_factory=dict, description="told to the server at the start"
    )

    @field_validator("url")
    @classmethod
    def _web_socket(cls, url: str) -> str:
        if url.startswith("rtp:"):
            raise ValueError(f"{url!r} is not ws:// or wss://")
        return _uri(url)

    @property
    def taps(self) -> tuple[str, ...]:
        """Where the audio goes."""
        return (self.url,)

    async def run(self, control: CallControl) -> Outcome:
        """Begin; the plan goes on."""
        call = control.call
        direction = {"inbound": "speak", "outbound": "listen"}.get(self.track, self.track)
        order = TapOrder(
            uri=self.url,
            tracks=_TRACKS[direction],
            codec=self.codec,
            ptime=20,
            rate=call.bridge.rate,
            about=_about(call, self.control_id, self.custom_parameters),
        )
        return await _start(call, self.control_id, order, two_way=self.two_way)


class StopTapVerb(Verb):
    """Stop sending the call's audio away."""

    name: ClassVar[str] = "stop_tap"
    shorthand: ClassVar[str | None] = "control_id"
    control_id: str | None = Field(default=None, description="default: the newest")

    async def run(self, control: CallControl) -> Outcome:
        """Stop."""
        taps = control.call.taps
        found = self.control_id or taps.newest
        if found is None:
            raise PlanError("no tap is running")
        await taps.stop(found)
        return Outcome(detail=f"{found} was stopped")


class StopStreamVerb(StopTapVerb):
    """Stop streaming to a WebSocket server."""

    name: ClassVar[str] = "stop_stream"


TAPPING: tuple[type[Verb], ...] = (TapVerb, StreamVerb, StopTapVerb, StopStreamVerb)
