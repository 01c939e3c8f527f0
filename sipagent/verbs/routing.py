"""Verbs that bring other parties in: connect, transfer."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from sipagent.call.control import CallControl
from sipagent.call.leg import Leg, LegState
from sipagent.call.session import CallSession
from sipagent.call.target import normalise
from sipagent.call.verb import End, Leave, Outcome, Verb
from sipagent.errors import LegFailed, PlanError
from sipagent.sources import KeyPath

from .blocks import IGNORED, Block, Nesting, Result, Urls, result_blocks
from .confirming import Confirmation, announce
from .flow import broken, remember, run_result
from .playing import ringing
from .ringing import Callee, Hunt, NobodyAnswered, join, together
from .signalling import refer
from .waiting import answered, while_caller_stays
from .words import failure, who

RINGBACK = ("ring:us",)
#: seconds two parties may be together where nothing says less
LONGEST = 14_400
#: the key of `policy.limits` that bounds bridged calls, in minutes
OUTBOUND_MINUTES = "outbound_minutes"


def _headers(value: Any) -> Any:
    """`[{name, value}]`, as SWML has it, or a plain mapping."""
    if not isinstance(value, list | tuple):
        return value
    if not all(isinstance(item, Mapping) and {"name", "value"} == set(item) for item in value):
        raise ValueError("headers are a mapping, or a list of {name, value}")
    return {str(item["name"]): item["value"] for item in value}


class Device(BaseModel):
    """One destination of `connect`, or what all of them share."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
    to: str = Field(description="SIP URI or number")
    caller_id: str | None = Field(default=None, alias="from", description="the number shown")
    headers: Annotated[
        Mapping[str, str],
        BeforeValidator(_headers),
        WithJsonSchema({"anyOf": [{"type": "object"}, {"type": "array"}]}),
    ] = Field(default_factory=dict, description="SIP headers: a mapping, or {name, value} items")
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
    codecs: Annotated[str | None, IGNORED] = None
    webrtc_media: Annotated[bool, IGNORED] = False
    session_timeout: Annotated[int, IGNORED] = 0
    encryption: Annotated[str | None, IGNORED] = None
    call_state_url: Annotated[str | None, IGNORED] = None
    call_state_events: Annotated[tuple[str, ...], IGNORED] = ()

    def callee(self, shared: "ConnectVerb", control: CallControl) -> Callee:
        """How to call it; what it does not say itself, `shared` says."""

        def of(key: str) -> Any:
            return getattr(self if key in self.model_fields_set else shared, key)

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
            username=of("username"),
            password=of("password"),
            confirm=confirm.ask if confirm.how else None,
            whisper=of("whisper"),
            max_duration=of("max_duration"),
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
        default=None, description="section to go on with when the two have parted"
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
        return f"Shall I connect you to {_names(self.targets)}?"

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
            return replace(outcome, flow=Leave(self.transfer_after_bridge))
        return outcome

    @staticmethod
    async def _announced(call: CallSession, leg: Leg, callee: Callee) -> None:
        try:
            await announce(call, leg, callee.whisper)
        except LegFailed as failed:
            raise NobodyAnswered(failed.status, failure(failed, callee.to)) from failed

    async def _connected(self, control: CallControl) -> Outcome:
        call = control.call
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
            await together(call, leg, _longest(control, callee.max_duration))
        seconds = (call.bridge.clock.t - began) // 1000
        detail = f"was connected to {_names((callee.to,))} for {seconds} seconds"
        return Outcome(detail=detail, status=200)


def _confirms(arguments: Mapping[str, Any]) -> Iterator[KeyPath]:
    """Every place where a `confirm` of raw arguments stands, or might."""
    yield ("confirm",)
    for form in ("serial", "parallel", "serial_parallel"):
        for index, item in enumerate(_listed(arguments.get(form))):
            yield (form, index, "confirm")
            for nested, _ in enumerate(_listed(item)):
                yield (form, index, nested, "confirm")


def _listed(value: Any) -> Sequence[Any]:
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
    return any(isinstance(item, Mapping) for item in _listed(node))


class TransferVerb(Verb):
    """Put the caller through to someone else for good. Failing that, the reason comes back."""

    name: ClassVar[str] = "transfer"
    shorthand: ClassVar[str | None] = "dest"
    is_tool: ClassVar[bool] = True
    tool_fields: ClassVar[tuple[str, ...] | None] = ("to",)
    tool_extras: ClassVar[tuple[str, ...]] = ("mode", "timeout", "ringback")
    after_speech: ClassVar[bool] = True
    dest: str | None = Field(default=None, description="a section of this document")
    params: Mapping[str, Any] = Field(default_factory=dict, description="seen there as params.*")
    meta: Annotated[Mapping[str, Any] | None, IGNORED] = None
    to: str | None = Field(default=None, description="whom to put through to: SIP URI or number")
    mode: Literal["bridge", "refer"] = Field(
        default="bridge", description="stay between the two, or let the caller's side call (REFER)"
    )
    timeout: float = Field(default=30, gt=0, le=600, description="seconds of ringing")
    ringback: Urls = Field(default=RINGBACK, description="what the caller hears meanwhile")

    @model_validator(mode="after")
    def _one_form(self) -> "TransferVerb":
        if (self.dest is None) == (self.to is None):
            raise ValueError("needs exactly one of dest (a section) and to (a party)")
        return self

    @property
    def targets(self) -> tuple[str, ...]:
        """Whom the caller would be put through to."""
        return (self.to,) if self.to is not None else ()

    @property
    def question(self) -> str:
        """Asks by name."""
        return f"Shall I put you through to {_names(self.targets)}?"

    async def run(self, control: CallControl) -> Outcome:
        """Leave for another section, or hand the caller to another party."""
        call = control.call
        if self.to is None:
            call.scope["params"] = dict(self.params)
            return Outcome(flow=Leave(self.dest or ""))
        await answered(call)
        try:
            if self.mode == "refer":
                outcome = await self._referred(control, self.to)
            else:
                outcome = await while_caller_stays(call, self._put_through(control, self.to))
        except NobodyAnswered as error:
            outcome = Outcome(False, str(error), status=error.status)
        remember(
            call,
            transfer_result="connected" if outcome.ok else "failed",
            transfer_failed_reason="" if outcome.ok else outcome.detail,
        )
        return outcome

    async def _referred(self, control: CallControl, to: str) -> Outcome:
        call = control.call
        async with call.aside():
            outcome = await refer(control, to, self.timeout)
            if outcome.ok:
                call.agent = None
        return outcome

    async def _put_through(self, control: CallControl, to: str) -> Outcome:
        call = control.call
        agent_was_there = call.agent is not None
        async with call.aside(), Hunt(call, control.may_redirect) as hunt:
            async with ringing(call, self.ringback) as hunt.ringback:
                leg, _ = await hunt.in_turn([[Callee(to, self.timeout)]])
            join(call, leg)
            talk = call.spawn(together(call, leg, _longest(control, LONGEST)))
            hunt.keep(leg)
            call.agent = None
        done = Outcome(detail=f"connected to {_names((to,))}", status=200, ends_talk=True)
        if agent_was_there:
            return done
        # no agent holds the call open, so this verb does
        await asyncio.wait({talk})
        return replace(done, flow=End())


def _longest(control: CallControl, seconds: float) -> float:
    """`seconds`, or less where a policy says how long bridged calls may last."""
    minutes = (policy.limits.get(OUTBOUND_MINUTES) for policy in control.policies)
    return min([seconds, *(60 * m for m in minutes if m is not None)])


def _names(targets: tuple[str, ...]) -> str:
    return " or ".join(dict.fromkeys(who(normalise(target)) for target in targets))


ROUTING: tuple[type[Verb], ...] = (ConnectVerb, TransferVerb)
