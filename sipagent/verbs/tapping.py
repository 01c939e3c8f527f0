"""Taps: the call's audio sent somewhere else, and taken back from there."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, field_validator

from sipagent.call.control import CallControl
from sipagent.call.posts import PostMethod, shown
from sipagent.call.session import CallSession
from sipagent.call.tap_uri import TapUri
from sipagent.call.tap_wires import TapOrder, Track
from sipagent.call.verb import Outcome, Verb
from sipagent.errors import CallError, PlanError
from sipagent.media.g711 import G711

from .flow import remember
from .statuses import Status

_TRACKS: dict[str, tuple[Track, ...]] = {
    "speak": ("speak",),
    "listen": ("listen",),
    "both": ("speak", "listen"),
}


def _track(value: Any) -> Any:
    """SWML says `inbound_track`, and `both_tracks`."""
    return value.removesuffix("s").removesuffix("_track") if isinstance(value, str) else value


def _uri(text: str) -> str:
    """A sound URI as it is, and a template: its value is checked when it is known."""
    if "${" not in text and "%{" not in text:
        try:
            TapUri.parse(text)
        except CallError as error:
            raise ValueError(str(error)) from error
    return text


async def _start(
    call: CallSession, control_id: str, order: TapOrder, told: Status, *, two_way: bool = False
) -> Outcome:
    if not call.consent.permits:
        call.consent.hold(lambda: _start(call, control_id, order, told, two_way=two_way))
        return Outcome(detail="it will be sent once the caller agrees")
    try:
        await call.taps.start(
            control_id,
            order,
            two_way=two_way,
            on_stop=lambda reason: told.tell(state="finished", reason=reason),
        )
    except CallError as error:
        remember(call, tap_result="failed", tap_failed_reason=str(error))
        raise
    told.tell(state="streaming" if two_way else "tapping")
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
    status_url: str | None = Field(default=None, description="told of its beginning and end")

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
        about = {"control_id": self.control_id, **self._told(order)}
        told = Status(call, self.status_url, "calling.call.tap", about)
        return await _start(call, self.control_id, order, told)

    def _told(self, order: TapOrder) -> dict[str, Any]:
        where = TapUri.parse(order.uri)
        codec = {"codec": order.codec, "rate": 8000}
        if where.scheme == "rtp":
            place: dict[str, Any] = {"addr": where.host, "port": where.port, "ptime": order.ptime}
            device = {"type": "rtp", "params": place | codec}
        else:
            device = {"type": where.scheme, "params": {"uri": order.uri, **codec}}
        return {
            "tap": {"type": "audio", "params": {"direction": self.direction}},
            "device": device,
        }


class StreamVerb(Verb):
    """Send the call's audio to a WebSocket server and let the caller hear what it sends back."""

    name: ClassVar[str] = "stream"
    url: str = Field(description="ws://... or wss://...; policy.taps permits it")
    control_id: str = Field(default="stream", min_length=1, max_length=64)
    stream_name: str | None = Field(
        default=None, alias="name", max_length=64, description="told to the server and status_url"
    )
    track: Annotated[Literal["inbound", "outbound", "both"], BeforeValidator(_track)] = Field(
        default="inbound", description="what the caller says, what they hear, or both"
    )
    codec: G711 = "PCMU"
    authorization_bearer_token: str | None = Field(
        default=None, max_length=4096, description="sent as Authorization: Bearer at the handshake"
    )
    status_url: str | None = Field(default=None, description="told of its beginning and end")
    status_url_method: PostMethod = "POST"
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
            about=_about(call, self.control_id, self.custom_parameters)
            | ({"name": self.stream_name} if self.stream_name else {}),
            bearer=self.authorization_bearer_token,
        )
        told = Status(
            call,
            self.status_url,
            "calling.call.stream",
            {"control_id": self.control_id, "url": shown(self.url), "name": self.stream_name or ""},
            self.status_url_method,
        )
        return await _start(call, self.control_id, order, told, two_way=self.two_way)


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
