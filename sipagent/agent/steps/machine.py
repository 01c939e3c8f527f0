"""StepMachine: where a talk stands in its contexts, and where it may go. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .spec import NEXT, Context, Step, first_of


@dataclass(frozen=True, slots=True)
class Place:
    """A step of a context."""

    context: str
    step: str


class IllegalMove(Exception):
    """There is no way from here to there. `legal` are the names that could be given."""

    def __init__(self, name: str, legal: tuple[str, ...]) -> None:
        super().__init__(name)
        self.name = name
        self.legal = legal


def moves(contexts: Mapping[str, Context]) -> dict[Place, tuple[Place, ...]]:
    """The table: from each place, those that may follow, first the usual one."""
    return {
        Place(name, step.name): tuple(dict.fromkeys(_from(contexts, name, index)))
        for name, context in contexts.items()
        for index, step in enumerate(context.steps)
    }


def _from(contexts: Mapping[str, Context], name: str, index: int) -> Iterator[Place]:
    context = contexts[name]
    step = context.steps[index]
    following = [Place(name, s.name) for s in context.steps[index + 1 : index + 2]]
    if not step.end:
        known = {s.name for s in context.steps}
        named = step.valid_steps or tuple(s for s in context.valid_steps if s != step.name)
        for wanted in named or (NEXT,):
            if wanted == NEXT:
                yield from following
            elif wanted in known:
                yield Place(name, wanted)
    for other in step.valid_contexts or context.valid_contexts:
        if other in contexts and other != name:
            yield Place(other, contexts[other].first)


class StepMachine:
    """Begins in the context `default`, or the one that is said to be the initial one."""

    def __init__(self, contexts: Mapping[str, Context]) -> None:
        self._contexts = contexts
        self._table = moves(contexts)
        first = first_of(contexts)
        self.place = Place(first, contexts[first].first)

    @property
    def context(self) -> Context:
        """The context it is in."""
        return self._contexts[self.place.context]

    def of(self, place: Place) -> Context:
        """The context of a place."""
        return self._contexts[place.context]

    @property
    def step(self) -> Step:
        """The step it is in."""
        return next(s for s in self.context.steps if s.name == self.place.step)

    @property
    def steps(self) -> tuple[str, ...]:
        """Names of the steps of this context that may follow."""
        return tuple(p.step for p in self._legal if p.context == self.place.context)

    @property
    def contexts(self) -> tuple[str, ...]:
        """Names of the contexts that may follow."""
        return tuple(p.context for p in self._legal if p.context != self.place.context)

    @property
    def following(self) -> str | None:
        """The step after this one in order, legal or not; None after the last."""
        names = [step.name for step in self.context.steps]
        rest = names[names.index(self.place.step) + 1 :]
        return rest[0] if rest else None

    def next_step(self, name: str = "") -> Place:
        """Go to a step of this context, the usual one where none is named. Raises IllegalMove."""
        wanted = name or next(iter(self.steps), "")
        if wanted not in self.steps:
            raise IllegalMove(name, self.steps)
        return self._go(Place(self.place.context, wanted))

    def change_context(self, name: str) -> Place:
        """Go to the first step of another context. Raises IllegalMove."""
        if name not in self.contexts:
            raise IllegalMove(name, self.contexts)
        return self._go(Place(name, self._contexts[name].first))

    def force(self, step: str = "", context: str = "") -> Place:
        """Go where the plan (not the model) says. Raises IllegalMove where nothing is so named."""
        name = context or self.place.context
        if name not in self._contexts:
            raise IllegalMove(name, tuple(self._contexts))
        names = tuple(s.name for s in self._contexts[name].steps)
        wanted = step or self._contexts[name].first
        if wanted not in names:
            raise IllegalMove(wanted, names)
        return self._go(Place(name, wanted))

    @property
    def _legal(self) -> tuple[Place, ...]:
        return self._table[self.place]

    def _go(self, place: Place) -> Place:
        self.place = place
        return place
