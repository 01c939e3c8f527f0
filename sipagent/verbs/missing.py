"""Verbs a foreign document may name that are not here: the document runs until it reaches one."""

from typing import ClassVar

from sipagent.call.control import CallControl
from sipagent.call.verb import Outcome, Verb
from sipagent.errors import PlanError

from .flow import broken, located, planned


class MissingVerb(Verb):
    """Stands where a verb of another server stood."""

    name: ClassVar[str] = "missing"
    named: str

    async def run(self, control: CallControl) -> Outcome:
        """End the document: what comes after may rest on what this was to do."""
        here = planned(control)
        wrong = PlanError(f"{self.named} is not a verb of this server")
        return broken(here.call, located(here, wrong))
