"""Step: a verb as it stands in a plan, with its place; templates are filled when it runs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from sipagent.errors import PlanError

from .verb import Verb

Expand = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Step:
    """`ready` is the finished verb where no argument holds a template, else None. `named` is what
    was written where that is no verb of ours.
    """

    verb: type[Verb]
    arguments: Mapping[str, Any]
    ready: Verb | None
    line: int = 0
    named: str = ""

    def bind(self, expand: Expand) -> Verb:
        """The verb with its templates filled in. Raises PlanError when a filled value is wrong."""
        if self.ready is not None:
            return self.ready
        filled = {
            key: value if key in self.verb.raw_keys else expand(value)
            for key, value in self.arguments.items()
        }
        try:
            return self.verb.model_validate(filled)
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(str(part) for part in first["loc"])
            raise PlanError(f"line {self.line}: {self.verb.name}: {key}: {first['msg']}") from error


Program = Mapping[str, tuple[Step, ...]]
