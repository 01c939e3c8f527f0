"""Record: what happened in a rehearsed call, on the virtual clock, and what went wrong there."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sipagent.events import Event
from sipagent.media.clock import MediaClock


@dataclass(frozen=True, slots=True)
class Aside:
    """What no event tells: `what` of `who` it was, after how many events (`at`), and when, on the
    media clock (ms).
    """

    who: str
    what: str
    at: int
    t: int


@dataclass(slots=True)
class Record:
    """Everything that happened, on the virtual clock, and what went wrong beside the call."""

    began: datetime
    clock: MediaClock
    events: list[Event] = field(default_factory=list)
    #: what had no answer in the script: requests of the web, of minds
    troubles: list[str] = field(default_factory=list)
    #: agents that began to talk, and intents that embedded minds have acted on, by their agents
    agents: list[Aside] = field(default_factory=list)
    intents: list[Aside] = field(default_factory=list)
    #: whom a far end was told to call, and with which status that came out
    referrals: list[Aside] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, event: Event) -> None:
        """One more event; its wall clock is the virtual one."""
        self.events.append(event.model_copy(update={"at": self.now().astimezone(UTC)}))
        self.changed.set()

    def now(self) -> datetime:
        """The virtual wall clock."""
        return self.began + timedelta(seconds=asyncio.get_running_loop().time())

    def trouble(self, what: str) -> None:
        """Something had no answer in the script."""
        self.troubles.append(what)

    def agent(self, agent: str) -> None:
        """An agent has its mind."""
        self.agents.append(self._aside(agent, ""))

    def intent(self, agent: str, name: str) -> None:
        """An embedded mind acts."""
        self.intents.append(self._aside(agent, name))

    def referred(self, target: str, status: int) -> None:
        """A far end was told to call somebody, and has."""
        self.referrals.append(self._aside(target, str(status)))

    def _aside(self, who: str, what: str) -> Aside:
        return Aside(who, what, len(self.events), self.clock.t)
