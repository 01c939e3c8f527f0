"""The verb that brings other parties in: connect."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from sipagent.call.control import CallControl
from sipagent.call.dial import Srtp, Terms
from sipagent.call.leg import Leg, LegState
from sipagent.call.session import CallSession
from sipagent.call.target import normalise
from sipagent.call.verb import Outcome, Verb
from sipagent.errors import LegFailed, PlanError
from sipagent.sources import KeyPath

from .blocks import IGNORED, Block, Nesting, Result, Urls, listed, result_blocks
from .confirming import Confirmation, announce
from .documents import leave_for
from .flow import broken, remember, run_result
from .leg_states import watcher
from .playing import ringing
from .queueing import ServeQueueVerb
from .ringing import LONGEST, Callee, Hunt, NobodyAnswered, join, longest, together
from .waiting import answered, while_caller_stays
from .words import failure, who

RINGBACK = ("ring:us",)
_CODECS = frozenset({"PCMU", "PCMA", "G722"})
#: SWML's words; `optional` leaves it as it usually is
_ENCRYPTION: dict[str | None, Srtp] = {"mandatory": "required", "forbidden": "off"}


def _codecs(value: Any) -> Any:
    """`PCMU,G722@16000h`, as SWML has it; what is no codec of ours is left out."""
    if not isinstance(value, str):
        return value
    names = (name.strip().partition("@")[0].upper() for name in value.split(","))
    return tuple(name for name in names if name in _CODECS)


def _headers(value: Any) -> Any:
    """`[{name, value}]`, as SWML has it, or a plain mapping."""
    if not isinstance(value, list | tuple):
        return value
    if not all(isinstance(item, Mapping) and {"name", "value"} == set(item) for item in value):
        raise ValueError("headers are a mapping, or a list of {name, value}")
    return {str(item["name"]): item["value"] for item in value}


Headers = Annotated[
    Mapping[str, str],
    BeforeValidator(_headers),
    WithJsonSchema({"anyOf": [{"type": "object"}, {"type": "array"}]}),
]


class Device(BaseModel):
    """One destination of `connect`, or what all of them share."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
    to: str = Field(description="SIP URI or number")
    caller_id: str | None = Field(default=None, alias="from", description="the number shown")
    headers: Headers = Field(
        default_factory=dict, description="SIP headers: a mapping, or {name, value} items"
    )
    timeout: float = Field(default=60, gt=0, le=600, description="seconds of ringing")
    username: str | None = None
    password: str | None = None
    confirm: Block | Urls = Field(
        default=(),
        description="whoever answers must want the call: sounds after which they press a key, a "
        "section, or steps that run with them",
    )
    confirm_timeout: float = Field(default=15, gt=0, le=300, description="seconds")
    confirm_keys: str = Field(
        default="", pattern=r"^[0-9*#A-D]*$", description="keys that are a yes; empty: any"
    )
    confirm_phrases: Urls = Field(
        default=(), description="words that are a yes, too, after the sounds were played"
    )
    whisper: Urls = Field(
        default=(), description="played to whoever answers, before the caller is put through"
    )
    max_duration: int = Field(default=LONGEST, gt=0, description="seconds of being connected")
    codecs: Annotated[tuple[str, ...], BeforeValidator(_codecs)] = Field(
        default=(), description="offered to that party, of PCMU, PCMA and G722; default: the usual"
    )
    webrtc_media: Annotated[bool, IGNORED] = False
    session_timeout: Annotated[int, IGNORED] = 0
    encryption: Literal["mandatory", "optional", "forbidden"] | None = Field(
        default=None, description="of the media (SRTP); never less than sipagent.yaml requires"
    )
    call_state_url: str | None = Field(default=None, description="told how their leg fares")
    call_state_events: Annotated[
        tuple[Literal["created", "ringing", "answered", "ended"], ...], BeforeValidator(listed)
    ] = Field(default=("ended",), description="of what it is told")

    def callee(self, shared: "ConnectVerb", control: CallControl) -> Callee:
        """How to call it; what it does not say itself, `shared` says."""

        def of(key: str) -> Any:
            return getattr(self if key in self.model_fields_set else shared, key)

        user = of("username")
        confirm = Confirmation(
            control,
            of("confirm"),
            of("confirm_timeout"),
            of("confirm_keys"),
            of("confirm_phrases"),
        )
        return Callee(
            to=self.to,
            timeout=of("timeout"),
            caller_id=of("caller_id"),
            headers=of("headers"),
            credentials=None if user is None else (user, of("password") or ""),
            confirm=confirm.ask if confirm.how else None,
            whisper=of("whisper"),
            max_duration=of("max_duration"),
            terms=Terms(of("codecs"), _ENCRYPTION.get(of("encryption"))),
            watch=watcher(control.call, of("call_state_url"), of("call_state_events")),
        )


class ConnectVerb(Device, Nesting):
    """Call someone and connect the caller to them until one of them hangs up."""

    name: ClassVar[str] = "connect"
    shorthand: ClassVar[str | None] = "to"
    raw_keys: ClassVar[frozenset[str]] = frozenset({"result"})
    is_tool: ClassVar[bool] = True
    tool_fields: ClassVar[tuple[str, ...] | None] = ("to",)
    tool_extras: ClassVar[tuple[str, ...]] = ("timeout", "serial", "parallel")
    after_speech: ClassVar[bool] = True
    to: str | None = Field(default=None, description="SIP URI or number")  # type: ignore[assignment]
    serial: tuple[Device, ...] = Field(default=(), description="one after the other")
    parallel: tuple[Device, ...] = Field(default=(), description="all at once")
    serial_parallel: tuple[tuple[Device, ...], ...] = Field(
        default=(), description="groups, one after the other"
    )
    answer_on_bridge: bool = Field(
        default=False, description="answer the caller only when the other party has"
    )
    ringback: Urls = Field(default=RINGBACK, description="what the caller hears meanwhile")
    transfer_after_bridge: str | None = Field(
        default=None, description="section or URL to go on with when the two have parted"
    )
    result: Result | None = None

    @model_validator(mode="after")
    def _one_form(self) -> "ConnectVerb":
        forms = (self.to, self.serial, self.parallel, self.serial_parallel)
        if sum(bool(form) for form in forms) != 1:
            raise ValueError("needs exactly one of to, serial, parallel, serial_parallel")
        if not all(self.serial_parallel):
            raise ValueError("a group of serial_parallel is empty")
        return self

    @classmethod
    def blocks(cls, arguments: Mapping[str, Any]) -> Iterator[KeyPath]:
        """The branches of `result`, and the steps of each `confirm`."""
        yield from result_blocks(arguments.get("result"), ("result",))
        yield from (place for place in _confirms(arguments) if _is_steps(arguments, place))

    @property
    def _groups(self) -> tuple[tuple[Device, ...], ...]:
        if self.to:
            return ((Device(to=self.to),),)
        return self.serial_parallel or tuple((d,) for d in self.serial) or (self.parallel,)

    @property
    def targets(self) -> tuple[str, ...]:
        """Everybody who might be rung."""
        return tuple(device.to for group in self._groups for device in group)

    @property
    def question(self) -> str:
        """Asks by name."""
        return f"Shall I connect you to {names(self.targets)}?"

    async def run(self, control: CallControl) -> Outcome:
        """Ring, connect, wait for the end, and branch on how it came out."""
        call = control.call
        if not self.answer_on_bridge:
            await answered(call)
        elif call.caller.state is LegState.INCOMING:
            await call.caller.answer(180)
        try:
            outcome = await while_caller_stays(call, self._connected(control))
            remember(call, connect_result="connected", connect_failed_reason="", connect_status=200)
        except NobodyAnswered as error:
            remember(call, connect_result="failed", connect_failed_reason=str(error))
            remember(call, connect_status=error.status)
            outcome = Outcome(False, str(error), status=error.status)
        try:
            branch = await run_result(control, self.result, "connect_result")
        except PlanError as error:
            return broken(call, error)
        if branch.flow is not None:
            return branch
        if outcome.ok and self.transfer_after_bridge:
            leave = await leave_for(control, self.transfer_after_bridge)
            return replace(outcome, flow=leave)
        return outcome

    @staticmethod
    async def _announced(call: CallSession, leg: Leg, callee: Callee) -> None:
        try:
            await announce(call, leg, callee.whisper)
        except LegFailed as failed:
            raise NobodyAnswered(failed.status, failure(failed, callee.to)) from failed

    async def _connected(self, control: CallControl) -> Outcome:
        call = control.call
        if self.to and normalise(self.to, call.services.extensions).startswith("queue:"):
            return await self._served(control, self.to.partition(":")[2])
        ringback = () if call.caller.state is LegState.EARLY else self.ringback
        groups = [[device.callee(self, control) for device in group] for group in self._groups]
        async with call.aside(), Hunt(call, control.may_redirect) as hunt:
            async with ringing(call, ringback) as hunt.ringback:
                leg, callee = await hunt.in_turn(groups)
                if callee.whisper:
                    await self._announced(call, leg, callee)
            await answered(call)
            remember(call, connect_to=callee.to)
            join(call, leg)
            began = call.bridge.clock.t
            await together(call, leg, longest(control, callee.max_duration))
        seconds = (call.bridge.clock.t - began) // 1000
        detail = f"was connected to {names((callee.to,))} for {seconds} seconds"
        return Outcome(detail=detail, status=200)

    async def _served(self, control: CallControl, queue: str) -> Outcome:
        """Take the caller who waits longest there. Raises NobodyAnswered where nobody does."""
        verb = ServeQueueVerb(queue_name=queue, wait_url=self.ringback, wait_time=self.timeout)
        outcome = await verb.run(control)
        if not outcome.ok:
            raise NobodyAnswered(outcome.status or 480, outcome.detail)
        return outcome


def _confirms(arguments: Mapping[str, Any]) -> Iterator[KeyPath]:
    """Every place where a `confirm` of raw arguments stands, or might."""
    yield ("confirm",)
    for form in ("serial", "parallel", "serial_parallel"):
        for index, item in enumerate(_items(arguments.get(form))):
            yield (form, index, "confirm")
            for nested, _ in enumerate(_items(item)):
                yield (form, index, nested, "confirm")


def _items(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def _is_steps(arguments: Any, place: KeyPath) -> bool:
    """Steps are written as mappings; a list of nothing but words is sounds."""
    node = arguments
    for key in place:
        if isinstance(node, Mapping):
            node = node.get(str(key))
        elif isinstance(node, list) and isinstance(key, int):
            node = node[key]
        else:
            return False
    return any(isinstance(item, Mapping) for item in _items(node))


def names(targets: tuple[str, ...]) -> str:
    """Destinations as a person would name them."""
    return " or ".join(dict.fromkeys(who(normalise(target)) for target in targets))


ROUTING: tuple[type[Verb], ...] = (ConnectVerb,)
