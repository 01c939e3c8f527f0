"""Operating a server as everybody outside sees it: its trunks, phones, dialplans and itself."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, Protocol

from pydantic import Field

from sipagent.dialplan.drawn import Drawn
from sipagent.edge.trunks.status import TrunkStatus
from sipagent.errors import Finding

from .calls import OutsideError, Shown

#: bytes of a document that is checked: reading one takes a second of the interpreter for each 50000
LONGEST_DOCUMENT = 65_536


class UnknownPlan(OutsideError):
    """There is no dialplan of that name in force."""

    status, kind = 404, "unknown-plan"

    def __init__(self, name: str) -> None:
        super().__init__(f"no dialplan {name!r} is in force")


class Trunks(Shown):
    """Every trunk of the settings."""

    trunks: tuple[TrunkStatus, ...]


class Contact(Shown):
    """Where a phone can be reached."""

    contact: str = Field(description="its own address, as it registered it")
    source: str = Field(description="the address it comes from")
    transport: str
    seconds: int = Field(description="until the registration runs out")
    agent: str = Field(default="", description="what it calls itself")


class Phone(Shown):
    """A phone of ours; without contacts it cannot be called."""

    extension: str
    display_name: str = ""
    contacts: tuple[Contact, ...] = ()


class Phones(Shown):
    """Every phone of the settings."""

    phones: tuple[Phone, ...]


class Found(Shown):
    """One thing wrong (or doubtful) in a document, with its place; lines count from 1."""

    file: str
    line: int
    column: int
    key: str
    severity: Literal["error", "warning"]
    message: str
    hint: str = ""

    @classmethod
    def of(cls, finding: Finding) -> "Found":
        """A finding as data."""
        return cls(**{name: getattr(finding, name) for name in cls.model_fields})


def found(findings: Sequence[Finding]) -> tuple[Found, ...]:
    """Findings as data."""
    return tuple(map(Found.of, findings))


class Dialplan(Shown):
    """A file of a dialplan. Errors in it leave the plan in force as it was, if there was one."""

    name: str
    file: str
    in_force: bool = Field(description="it takes calls")
    routes: tuple[str, ...] = Field(default=(), description="which calls it takes, in words")
    sections: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()
    findings: tuple[Found, ...] = Field(default=(), description="of its file as last read")


class Dialplans(Shown):
    """Every dialplan; `findings` belong to none of them, such as a folder that is not there."""

    dialplans: tuple[Dialplan, ...]
    findings: tuple[Found, ...] = ()


class Checked(Shown):
    """What came of checking a document. It was not loaded."""

    ok: bool = Field(description="it could be loaded")
    name: str = ""
    routes: tuple[str, ...] = ()
    findings: tuple[Found, ...] = ()


class PlanGraph(Drawn):
    """A dialplan as nodes and the ways between them, with what is doubtful in it."""

    findings: tuple[Found, ...] = ()


class Reloaded(Shown):
    """What came of a reload. `problem` left the settings as they were."""

    ok: bool = Field(description="settings and every dialplan are in force as they are written")
    at: datetime
    changed: tuple[str, ...] = Field(default=(), description="keys that are in force")
    waiting: tuple[str, ...] = Field(default=(), description="keys that need a restart")
    problem: str = ""
    findings: tuple[Found, ...] = Field(default=(), description="of dialplans")


class Workers(Shown):
    """The processes of calls."""

    processes: int
    idle: int
    counts: Mapping[str, int] = Field(description="since the start")


class Draining(Shown):
    """A server that is emptied takes no call; those that live end by themselves."""

    draining: bool
    calls: int = Field(description="that live yet")


#: what a node can be asked for about that
DrainAct = Literal["look", "drain", "undrain"]


class Drains(Protocol):
    """The nodes of this server's cluster, itself among them."""

    async def order(self, node: str, act: DrainAct, by: str) -> Draining:
        """Have a node emptied, or take calls again. Raises OutsideError."""
        ...


class Bounds(Shown):
    """What is refused beyond it."""

    calls: int
    calls_per_second: float
    call_seconds: int


class Uploads(Shown):
    """Bundles on their way to object storage."""

    waiting: int
    sent: int = Field(description="since the start")
    failed: int = Field(description="attempts that came to nothing, since the start")
    error: str = Field(default="", description="why the last one failed, if none worked since")


class Status(Shown):
    """The server."""

    version: str
    started: datetime
    uptime_seconds: float
    why_not_ready: str = Field(description="empty while calls are taken")
    draining: bool = Field(default=False, description="no new call is taken, by somebody's wish")
    sip: str = Field(description="the public address")
    calls: int = Field(description="that live")
    workers: Workers
    limits: Bounds
    bans: int = Field(description="addresses and networks that are banned")
    dialplans: int = Field(description="in force")
    uploads: Uploads | None = Field(default=None, description="null where none are set")


class System(Protocol):
    """This server."""

    def status(self) -> Status:
        """How it does."""
        ...

    def trunks(self) -> Sequence[TrunkStatus]:
        """How they do."""
        ...

    def phones(self) -> Sequence[Phone]:
        """Where they are."""
        ...

    def dialplans(self) -> Dialplans:
        """Those in force, and files that could not be loaded."""
        ...

    async def check(self, document: str) -> Checked:
        """Read and lint a document, without loading it. Raises NoRoomNow while another is read."""
        ...

    async def graph(self, name: str) -> PlanGraph:
        """A plan in force. Raises UnknownPlan."""
        ...

    def draining(self) -> Draining:
        """Is it being emptied, and how far?"""
        ...

    async def drain(self) -> Draining:
        """Take no new call and give registrations up; live calls go on to their own end."""
        ...

    async def undrain(self) -> Draining:
        """Take calls again."""
        ...

    async def reload(self) -> Reloaded:
        """Have settings, dialplans and certificates read again; calls go on."""
        ...
