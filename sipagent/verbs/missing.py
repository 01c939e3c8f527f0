"""Verbs a foreign document may name that are not here: the document runs until it reaches one."""

from functools import lru_cache
from typing import Any, ClassVar

from pydantic import ConfigDict, create_model

from sipagent.call.control import CallControl
from sipagent.call.verb import Outcome, Verb
from sipagent.errors import PlanError

from .flow import broken, located, planned


class MissingVerb(Verb):
    """Stands where a verb of another server stood."""

    model_config = ConfigDict(frozen=True, extra="allow")
    name: ClassVar[str] = "missing"

    async def run(self, control: CallControl) -> Outcome:
        """End the document: what comes after may rest on what this was to do."""
        here = planned(control)
        wrong = PlanError(f"{self.name} is not a verb of this server")
        return broken(here.call, located(here, wrong))


@lru_cache(maxsize=64)
def missing(name: str) -> type[Verb]:
    """The verb of that name, which is on record under it."""
    made: Any = create_model("MissingVerb", __base__=MissingVerb)
    made.name = name[:40]
    verb: type[Verb] = made
    return verb
