"""Standing: an agent's place in the plan, and in the chain of agents of one talk."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sipagent.call.services import Baton


@dataclass(frozen=True, slots=True)
class Standing:
    """Its name, what it takes over (`baton`), and what the agents it may hand over to are for."""

    name: str = ""
    baton: Baton | None = None
    peers: Mapping[str, str] = field(default_factory=dict)
