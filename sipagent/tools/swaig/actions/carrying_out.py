"""Carrying out: the actions of one answer, in a stated order, whatever order they came in."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from sipagent.errors import CallError, PlanError

from ...spec import ToolResult
from ..result import MOST_ACTIONS
from .data import DATA
from .documents import swml
from .doing import Action, Doing
from .holding import hold
from .leaving import LEAVING, transfers
from .sounding import SOUNDING
from .talking import TALKING

#: actions one call carries out in all: a function that calls itself by its actions comes to an end
MOST = 2_000
#: what a call counts of them
_COUNT = "swaig actions"
_SWML, _TRANSFER = "SWML", "transfer"
#: the rest runs first, in the order it came; then this; then what ends the talk
LAST = ("hold",)
KNOWN: Mapping[str, Action] = {**DATA, **TALKING, **SOUNDING, "hold": hold, **LEAVING}


@dataclass(frozen=True, slots=True)
class Asked:
    """One action of an answer; of a document, whether the talk ends for it."""

    name: str
    value: Any
    transfer: Any = None

    @property
    def rank(self) -> int:
        """Lower ranks run first; those of one rank in the order they came."""
        if self.name in LEAVING or (self.name == _SWML and transfers(self.value, self.transfer)):
            return 2
        return 1 if self.name in LAST else 0


async def carry_out(
    actions: Sequence[Mapping[str, Any]], doing: Doing, result: ToolResult
) -> ToolResult:
    """Do them all; what cannot be done is on record, and the model knows. Never raises."""
    wanted = list(islice(_each(actions), MOST_ACTIONS))
    for asked in sorted(wanted, key=lambda one: one.rank):
        if (doing.ends_talk or doing.left) and asked.rank == 2:
            doing.warn(f"{asked.name}: the talk is over already")
            continue
        doing.call.done[_COUNT] += 1
        if doing.call.done[_COUNT] > MOST:
            doing.warn(f"more than {MOST} actions in one call: {asked.name} was not done")
            doing.notes.append("(too many actions in this call: nothing more was done)")
            break
        await _one(asked, doing)
    text = "\n".join((result.text, *dict.fromkeys(doing.notes)))
    text = doing.call.secrets.scrub(text)
    return replace(result, text=text, ends_talk=result.ends_talk or doing.ends_talk)


async def _one(asked: Asked, doing: Doing) -> None:
    try:
        if asked.name == _SWML:
            await swml(doing, asked.value, asked.transfer)
        elif asked.name in KNOWN:
            await KNOWN[asked.name](doing, asked.value)
        else:
            doing.warn(f"there is no action {asked.name[:50]!r}")
    except (CallError, PlanError) as error:
        doing.warn(f"{asked.name}: {error}")
        doing.notes.append(f"({asked.name} was not done: {error})")


def _each(actions: Sequence[Mapping[str, Any]]) -> Iterator[Asked]:
    """Keys of one object in their order; `transfer` beside SWML belongs to it."""
    for action in actions:
        for name, value in action.items():
            if name == _SWML:
                yield Asked(name, value, action.get(_TRANSFER))
            elif name != _TRANSFER or _SWML not in action:
                yield Asked(str(name), value)
