"""Live calls as everybody outside them sees them: what the doors of this room are given.

Errors, each with the HTTP status that says so:

* OutsideError
  + UnknownCall     404   there is no such call, live or on record
  + CallOver        409   there was; nothing can be done to it any more
  + NotOver         409   it goes on still, and its record is not whole
  + NotUnderstood   422   no such verb, or arguments it does not take
  + Denied          403   policy, or a principal's own limits, say no
  + NoRoomNow       503   the server has no room for it, or goes down
  + NodeGone        503   the node that has the call is gone, or cannot be reached
  + NodeSilent      504   it did not answer in time: what came of what was asked is not known
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

from sipagent.call.verb import Outcome
from sipagent.errors import SipAgentError
from sipagent.events import Event, Speaker

if TYPE_CHECKING:  # the client of a server far away needs none of what a server is made of
    from sipagent.store.vault import Stored


class OutsideError(SipAgentError):
    """What somebody outside wanted cannot be; `kind` names it for a program."""

    status: ClassVar[int] = 400
    kind: ClassVar[str] = "error"


class UnknownCall(OutsideError):
    """There is no such call, live or on record."""

    status, kind = 404, "unknown-call"

    def __init__(self, call_id: str) -> None:
        super().__init__(f"there is no call {call_id!r}")


class CallOver(OutsideError):
    """The call is over."""

    status, kind = 409, "call-over"


class NotOver(OutsideError):
    """The call still goes on: its record is not whole."""

    status, kind = 409, "call-not-over"


class NotUnderstood(OutsideError):
    """No such verb, or arguments it does not take; `place` is the key that is wrong."""

    status, kind = 422, "not-understood"

    def __init__(self, why: str, place: str = "") -> None:
        super().__init__(f"{place}: {why}" if place else why)
        self.place = place


class Denied(OutsideError):
    """Not allowed, with the reason."""

    status, kind = 403, "denied"


class NoRoomNow(OutsideError):
    """There is no room for it at the moment."""

    status, kind = 503, "no-room"


class NodeGone(OutsideError):
    """The node that has the call is gone, or cannot be reached: nothing was done."""

    status, kind = 503, "node-gone"


class NodeSilent(OutsideError):
    """The node that has the call did not answer in time: what came of it is not known."""

    status, kind = 504, "node-silent"


class Unreadable(OutsideError):
    """A file of the call is there, and cannot be read: for want of its key, or it was changed."""

    status, kind = 503, "unreadable"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who acts: `by` as it stands on record ("api:desk", "mcp:desk", "relay:desk"), the address
    they come from, and the verbs they may use at all (None: every verb of `OUTSIDE`).
    """

    by: str
    origin: str = ""
    verbs: frozenset[str] | None = None


class Shown(BaseModel):
    """What this room shows: whole, and nothing else."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class CallView(Shown):
    """A call as it is now. Times are UTC."""

    call_id: str
    state: Literal["ringing", "up", "ended"] = "ringing"
    direction: Literal["inbound", "outbound"] = "inbound"
    caller: str = ""
    callee: str = ""
    plan: str = ""
    agent: str = Field(default="", description="who talks with the caller, as the plan names them")
    last_speaker: Speaker | None = None
    last_words: str = Field(default="", description="the newest turn that was heard")
    connected_to: str = Field(default="", description="the party the caller was put through to")
    on_hold: bool = False
    recording: bool = False
    recordings: tuple[str, ...] = Field(default=(), description="file names in the call's bundle")
    started: datetime | None = None
    answered: datetime | None = None
    ended: datetime | None = None
    reason: str = Field(default="", description="why it ended")
    ended_by: str = ""
    status: int | None = Field(default=None, description="the SIP status it ended with")
    last_event: int = Field(default=0, description="number of its newest event")
    node: str = Field(default="", description="the node of the cluster that has it")
    node_gone: bool = Field(
        default=False,
        description="it is gone, or cannot be reached: how the call stands now is not known",
    )


class Line(Shown):
    """One side's turn as text; `t` is ms on the call's media clock."""

    n: int = Field(description="number of the event")
    at: datetime
    t: int
    speaker: Speaker
    text: str
    interrupted: bool = False


class Origination(Shown):
    """A call to be made: to whom, and what runs when they answer."""

    to: str = Field(
        min_length=1, max_length=256, description="number, phone of ours, or SIP URI to call"
    )
    plan: str = Field(default="", description="by name; may be left out where there is only one")
    section: str = Field(default="main", description="where the plan begins")
    agent: str = Field(
        default="", description="an agent of that plan to talk, in place of a section"
    )
    variables: Mapping[str, Any] = Field(
        default_factory=dict, description="what the plan sees as vars.*"
    )
    caller_id: str | None = Field(
        default=None, max_length=256, description="number shown, or a whole SIP identity"
    )
    headers: Mapping[str, str] = Field(default_factory=dict, description="SIP headers to send")
    timeout: float = Field(default=30, gt=0, le=600, description="seconds of ringing")
    detect_machine: bool = Field(
        default=False, description="find out first who answered: vars.detect_result"
    )


class Done(Shown):
    """How a verb came out. It was asked for as it should be: whether policy, the far end or the
    call itself said no is told by `ok`, why by `detail`.
    """

    ok: bool
    detail: str
    status: int | None = Field(default=None, description="SIP status, where one was involved")
    data: Mapping[str, Any] = Field(default_factory=dict)

    @classmethod
    def of(cls, outcome: Outcome) -> "Done":
        """An outcome as data."""
        return cls(
            ok=outcome.ok, detail=outcome.detail, status=outcome.status, data=dict(outcome.data)
        )


class Calls(Shown):
    """The calls that live, the oldest first."""

    calls: tuple[CallView, ...]
    silent: tuple[str, ...] = Field(
        default=(), description="nodes that did not answer: calls of theirs are missing"
    )


class Transcript(Shown):
    """Who said what so far."""

    call_id: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Numbered:
    """An event and its number in its stream. `event` is None for a gap: what came up to this
    number is not kept any more.
    """

    seq: int
    event: Event | None


@dataclass(frozen=True, slots=True)
class Page:
    """Numbered events, so far: there is nothing else up to number `upto`, and nothing at all
    after it where it is `over`.
    """

    items: Sequence[Numbered]
    upto: int
    over: bool = False


#: errors that a kind alone makes whole
_KINDS: Mapping[str, type[OutsideError]] = {
    kind.kind: kind
    for kind in (CallOver, NotOver, Denied, NoRoomNow, NodeGone, NodeSilent, Unreadable)
}


def outside_error(kind: str, detail: str, place: str = "", call_id: str = "") -> OutsideError:
    """An error of another server again, by its kind and words."""
    if kind == UnknownCall.kind:
        return UnknownCall(call_id)
    if kind == NotUnderstood.kind:
        return NotUnderstood(detail.removeprefix(f"{place}: "), place)
    return _KINDS.get(kind, OutsideError)(detail)


class LiveCalls(Protocol):
    """The calls of this server, or of all nodes of a cluster."""

    async def list(self) -> Calls:
        """Those that live, the oldest first."""
        ...

    async def get(self, call_id: str) -> CallView:
        """One, live or on record. Raises UnknownCall."""
        ...

    async def do(
        self, call_id: str, verb: str, arguments: Mapping[str, Any], who: Principal
    ) -> Outcome:
        """Run a verb of `verbs.outside.OUTSIDE` under the policies in force, and wait for how it
        came out; what policy or the far end refuses is an outcome, too. Cancelling stops the verb.
        Agent words are verbs: `say {text}`, `tell {text, role}`.

        Raises UnknownCall, CallOver, NotUnderstood.
        """
        ...

    async def originate(self, wish: Origination, who: Principal) -> CallView:
        """Begin to call somebody; returns once the INVITE is on its way.

        Raises NotUnderstood, Denied, NoRoomNow.
        """
        ...

    def events(
        self, call_id: str | None = None, after: int | None = None
    ) -> AsyncIterator[Numbered]:
        """Events from the one after number `after` on; None: from now on. Of one call, numbered
        from 1, until its last one, also from the record; or of all, without an end, as far back
        as they are kept: a gap is told. A call's numbers outlive a restart of the server, those of
        all only grow, and mean the same at every node. Raises UnknownCall when iterated, and
        NodeGone, NodeSilent where the node that has the call is lost meanwhile.
        """
        ...

    async def transcript(self, call_id: str) -> Sequence[Line]:
        """Who said what so far. Raises UnknownCall."""
        ...

    async def recording(self, call_id: str, name: str | None = None) -> "Stored | None":
        """A finished recording, by the name `CallView.recordings` gives it, else the newest; None
        where there is none. Raises UnknownCall, Unreadable.
        """
        ...
