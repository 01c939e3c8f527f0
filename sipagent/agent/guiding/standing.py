"""Standing: an agent's place in the plan, and in the chain of agents of one talk."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sipagent.call.services import Baton, Debt

from ..afterwards.scribe import Scribe


@dataclass(frozen=True, slots=True)
class Standing:
    """Its name, what it takes over (`baton`), what the agents it may hand over to are for, and
    who writes the summary of the talk where this agent declares one.
    """

    name: str = ""
    baton: Baton | None = None
    peers: Mapping[str, str] = field(default_factory=dict)
    scribe: Scribe | None = None
    #: what an inline agent's document says and this server does otherwise, for the record
    notes: Sequence[str] = ()

    @property
    def debt(self) -> Debt | None:
        """What is owed of the whole talk once it is over: the newest summary declared."""
        if self.scribe is not None:
            return self.scribe.write
        return self.baton.debt if self.baton is not None else None
