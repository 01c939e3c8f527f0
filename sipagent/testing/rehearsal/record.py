"""Record: what happened in a rehearsed call, on the virtual clock, and what went wrong there."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sipagent.events import Event


@dataclass(slots=True)
class Record:
    """Everything that happened, on the virtual clock, and what went wrong beside the call."""

    began: datetime
    events: list[Event] = field(default_factory=list)
    #: what had no answer in the script: requests of the web, of minds
    troubles: list[str] = field(default_factory=list)
    #: intents that embedded minds have acted on: agent and name
    intents: list[tuple[str, str]] = field(default_factory=list)
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

    def intent(self, agent: str, name: str) -> None:
        """An embedded mind acts."""
        self.intents.append((agent, name))
