"""Toolbox: everything an agent could be offered, and what its list of names comes to."""

from collections.abc import Mapping, Sequence

from sipagent.call.verb import Verb
from sipagent.errors import ToolError
from sipagent.sources import nearest

from .spec import ToolSpec
from .verbs import tool_of_verb


class Toolbox:
    """Functions and the verbs that are tools, by name. Nothing that is not listed is offered."""

    def __init__(self, functions: Mapping[str, ToolSpec], verbs: Mapping[str, type[Verb]]) -> None:
        self._functions = functions
        self._verbs = {name: verb for name, verb in verbs.items() if verb.is_tool}
        self._not_tools = verbs.keys() - self._verbs.keys()

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that can be listed."""
        return (*self._verbs, *self._functions)

    def wrong(self, name: str) -> str:
        """Why a name cannot be listed, or the empty string where it can."""
        if name in self._verbs or name in self._functions:
            return ""
        if name in self._not_tools:
            return f"{name} is a verb for dialplans, not a tool"
        hint = nearest(name, self.names)
        return f"there is no tool {name}{f'; {hint}' if hint else ''}"

    def specs(self, names: Sequence[str]) -> tuple[ToolSpec, ...]:
        """The tools listed, in order, each once. Raises ToolError for an unknown name."""
        found = []
        for name in dict.fromkeys(names):
            if wrong := self.wrong(name):
                raise ToolError(wrong)
            verb = self._verbs.get(name)
            found.append(self._functions[name] if verb is None else tool_of_verb(verb))
        return tuple(found)

    def verbs(self, names: Sequence[str]) -> frozenset[str]:
        """Those of the names that are verbs: what a model's CallControl allows."""
        return frozenset(name for name in names if name in self._verbs)
