"""Which of a server's tools an agent is offered, by which name, and why not the others. Pure."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .foreign import DESCRIPTION, cleaned
from .schemas import Unusable, lean
from .server import RemoteTool
from .spec import Terms

#: tools offered of one server: models take 128 in all, and choose badly among many
MOST_TOOLS = 40
#: as models' vendors take them
_NAME = re.compile(r"[^A-Za-z0-9_-]")
_LONGEST = 64


@dataclass(frozen=True, slots=True)
class Judged:
    """A tool of a server by the name an agent would know it by; `why_not` is empty where it is
    offered.
    """

    tool: RemoteTool
    name: str
    why_not: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)


def judge(terms: Terms, tools: Sequence[RemoteTool], taken: Collection[str]) -> tuple[Judged, ...]:
    """Each tool in the server's order. A name that is `taken` is never given to another."""
    judged: list[Judged] = []
    names = set(taken)
    offered = 0
    for tool in tools:
        name = offered_name(terms.prefix, tool.name)
        why, parameters = _why_not(terms, tool, name, names), {}
        if not why and offered == MOST_TOOLS:
            why = f"{MOST_TOOLS} tools of this server are offered already"
        if not why:
            try:
                parameters = lean(tool.schema)
            except Unusable as error:
                why = str(error)
        judged.append(Judged(tool, name, why, parameters))
        if not why:
            offered += 1
            names.add(name)
    return tuple(judged)


def _why_not(terms: Terms, tool: RemoteTool, name: str, taken: Collection[str]) -> str:
    if tool.name in terms.exclude:
        return "is excluded"
    if terms.tools is not None and tool.name not in terms.tools:
        return "is not listed under tools"
    if name in taken:
        return f"the name {name} is taken"
    return ""


def absent(terms: Terms, tools: Sequence[RemoteTool]) -> tuple[str, ...]:
    """Tools that are listed and that the server does not have."""
    return tuple(sorted((terms.tools or frozenset()) - {tool.name for tool in tools}))


def offered_name(prefix: str, name: str) -> str:
    """The name the model knows a tool by."""
    return _NAME.sub("_", f"{prefix}{name}")[:_LONGEST]


def described(terms: Terms, tool: RemoteTool) -> str:
    """What the model reads of a tool: the server's words, marked as such."""
    words = cleaned(tool.description or tool.title or tool.name, DESCRIPTION)
    return f"{words} (A tool of the server {terms.name}, described in its own words.)"


def needs_yes(terms: Terms, tool: RemoteTool) -> bool:
    """Is the caller to be asked before this runs?"""
    read_only = tool.read_only is True
    match terms.confirm:
        case "never":
            return False
        case "always":
            return True
        case "writes":
            return not read_only
        case "destructive":
            return tool.destructive is True and not read_only
