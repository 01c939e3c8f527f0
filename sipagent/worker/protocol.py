"""What passes between the gateway and a worker: typed messages, up and down."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from sipagent.call.dial import DtmfMode, Srtp
from sipagent.call.meeting import Meet, Notice, Wish
from sipagent.config import Codec
from sipagent.events import Event

from .browsing import BrowserCall, FromWorker, ToWorker
from .message import Message


class PlanText(Message):
    """A plan in force: its name, the file it came from, and the document as plain data."""

    name: str
    file: str
    document: dict[str, Any]


class Outset(Message):
    """Whom the worker is to call, in place of waiting for an INVITE; who wants that; and what runs
    once they have answered: a section of the plan, or one of its agents.
    """

    to: str
    by: str
    origin: str = ""
    caller_id: str | None = None
    headers: Mapping[str, str] = Field(default_factory=dict)
    timeout: float = Field(default=30, description="seconds of ringing")
    section: str = "main"
    agent: str = ""
    variables: Mapping[str, Any] = Field(default_factory=dict)
    detect_machine: bool = False


class Visit(Message):
    """A call of another node comes to meet calls of ours: in which room, and what that is one of
    (`conference:team`, `queue:support`, `parking`).
    """

    meet: Meet
    hall: str


class Assignment(Message):
    """The one call a worker is for."""

    call_id: str
    plan: PlanText
    direction: Literal["inbound", "outbound"] = "inbound"
    caller: str
    callee: str
    headers: Mapping[str, str] = Field(default_factory=dict)
    sip_call_id: str = ""
    source: str = Field(default="", description="address the INVITE came from")
    account: str | None = Field(default=None, description="phone or trunk that proved itself")
    srtp: Srtp | None = Field(default=None, description="default: as the settings say")
    codecs: tuple[Codec, ...] = Field(default=(), description="default: as the settings say")
    dtmf: DtmfMode | None = Field(default=None, description="default: as the settings say")
    sip_address: str | None = Field(
        default=None, description="host:port peers reach us at; default: as the settings say"
    )
    media_address: str | None = Field(
        default=None, description="what SDP says; default: as the settings say"
    )
    bundle: Path
    why: str = ""
    outset: Outset | None = Field(default=None, description="of a call that goes out")
    browser: BrowserCall | None = Field(default=None, description="of a call from a web page")
    visit: Visit | None = Field(default=None, description="of a call that comes from another node")
    traceparent: str = Field(default="", description="the call's own span; empty: not traced")
    traced_by: str = Field(default="", description="the span it is part of, if any")
    propagate: bool = Field(default=False, description="servers that are asked hear of the trace")


# up: worker to gateway


class Ready(Message):
    """First message on a channel: the worker can take a call on this SIP address."""

    type: Literal["ready"] = "ready"
    token: str
    pid: int
    host: str
    port: int


class Returned(Message):
    """First message to a gateway that is not the one it had: the worker is in a call.

    Its events that were not acknowledged follow at once. `proof` is `Home.proof`.
    """

    type: Literal["returned"] = "returned"
    token: str
    proof: str
    pid: int
    host: str
    port: int
    edge: tuple[str, int] = Field(description="where its SIP goes; it can go nowhere else")
    assignment: Assignment
    claimed: bool


class Claimed(Message):
    """The assigned INVITE arrived in the worker (or the outbound one left it)."""

    type: Literal["claimed"] = "claimed"


class Happened(Message):
    """A call event; `n` counts them, from 1."""

    type: Literal["happened"] = "happened"
    event: Event
    n: int = 0


class Pong(Message):
    """Answer to Ping."""

    type: Literal["pong"] = "pong"
    n: int


class Asked(Message):
    """The call wishes for a place among other calls; `Told` answers with the same number."""

    type: Literal["asked"] = "asked"
    place: int
    wish: Wish
    again: bool = Field(default=False, description="it has the place; this gateway is a new one")
    room: str = Field(default="", description="where it is meeting others, when asked again")
    seconds: float = Field(default=0.0, description="how long it has had the place")


class Reported(Message):
    """How it came out when members of a queue were rung."""

    type: Literal["reported"] = "reported"
    place: int
    answered: str | None


class Left(Message):
    """The call gives a place back."""

    type: Literal["left"] = "left"
    place: int


class Recall(Message):
    """What is known of this call's caller? `Recalled` answers with the same number."""

    type: Literal["recall"] = "recall"
    n: int
    agent: str


class Remember(Message):
    """Keep a note of this call's caller for so many days; `most` characters in all."""

    type: Literal["remember"] = "remember"
    agent: str
    note: str
    days: float
    most: int


class Commanded(Message):
    """How the command of this id came out: the outcome of its verb."""

    type: Literal["commanded"] = "commanded"
    id: str
    ok: bool
    detail: str = ""
    status: int | None = None
    data: Mapping[str, Any] = Field(default_factory=dict)


class Reach(Message):
    """A wish of this call's plan that another call is to fulfil; `Reached` answers with the same
    number.
    """

    type: Literal["reach"] = "reach"
    n: int
    method: str
    call_id: str
    params: Mapping[str, Any] = Field(default_factory=dict)


class Finished(Message):
    """The call is over and all its events were sent; the worker exits now."""

    type: Literal["finished"] = "finished"


Meeting = Asked | Reported | Left
Remembering = Recall | Remember
#: what a call wants of the gateway
Request = Meeting | Remembering | Commanded | Reach | FromWorker
Up = Annotated[
    Ready
    | Returned
    | Claimed
    | Happened
    | Pong
    | Asked
    | Reported
    | Left
    | Recall
    | Remember
    | Commanded
    | Reach
    | FromWorker
    | Finished,
    Field(discriminator="type"),
]


# down: gateway to worker


class Assign(Message):
    """Take this call."""

    type: Literal["assign"] = "assign"
    assignment: Assignment


class Heard(Message):
    """Every event up to `n` is safe with the gateway."""

    type: Literal["heard"] = "heard"
    n: int


class Ping(Message):
    """Are you there?"""

    type: Literal["ping"] = "ping"
    n: int


class Told(Message):
    """What happens to a place the call has, or asked for."""

    type: Literal["told"] = "told"
    place: int
    notice: Notice


class Recalled(Message):
    """What an agent knows of the caller; may be nothing."""

    type: Literal["recalled"] = "recalled"
    n: int
    text: str


class Reached(Message):
    """How a wish of this number came out in another call."""

    type: Literal["reached"] = "reached"
    n: int
    ok: bool
    call_id: str = ""
    status: int = 200
    detail: str = ""


class Texted(Message):
    """The caller wrote, outside the call's own dialog."""

    type: Literal["texted"] = "texted"
    sender: str
    text: str


class Command(Message):
    """Do this to the call, in the name of `by`; `Commanded` with the same id tells how it came
    out. `origin` is where the wish came from, `allowed` the verbs this principal may use at all.
    """

    type: Literal["command"] = "command"
    id: str
    by: str
    origin: str = ""
    verb: str
    arguments: Mapping[str, Any] = Field(default_factory=dict)
    allowed: frozenset[str] | None = None


class Revoke(Message):
    """Nobody waits for the command of this id any more: stop it where it still runs."""

    type: Literal["revoke"] = "revoke"
    id: str


class HangUp(Message):
    """End the call now."""

    type: Literal["hang_up"] = "hang_up"
    reason: str = "ended by the operator"


class Quit(Message):
    """Exit: no call was given to you, or the server is going down."""

    type: Literal["quit"] = "quit"


Down = Annotated[
    Assign
    | Heard
    | Ping
    | Texted
    | Told
    | Recalled
    | Reached
    | Command
    | Revoke
    | ToWorker
    | HangUp
    | Quit,
    Field(discriminator="type"),
]

UP: TypeAdapter[Up] = TypeAdapter(Up)
DOWN: TypeAdapter[Down] = TypeAdapter(Down)
