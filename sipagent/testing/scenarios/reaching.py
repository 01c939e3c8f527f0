"""Reaching: what of its plan a call came through, by its events. Pure."""

from sipagent.events import StepChanged, StepStarted

from .evidence import Evidence
from .results import Reached


def reached(evidence: Evidence, route: int | None) -> Reached:
    """See `Reached`; `route` is the number of the one that took the call."""
    agents = [(aside.at, aside.who) for aside in evidence.agents]
    steps: set[tuple[str, str, str]] = set()
    for index, event in enumerate(evidence.events):
        if isinstance(event, StepChanged):
            agent = next((who for at, who in reversed(agents) if at <= index), "")
            steps.add((agent, event.context, event.step))
    return Reached(
        verbs=frozenset(
            (e.line, e.verb)
            for e in evidence.events
            if isinstance(e, StepStarted) and not e.document
        ),
        steps=frozenset(steps),
        routes=frozenset() if route is None else frozenset({route}),
        intents=frozenset((aside.who, aside.what) for aside in evidence.intents),
    )
