"""The goals of the conversation, on the simulated bed: real detector and agent, instant models.

Seeds are fixed, and time is virtual: the figures are the same on every machine.
"""

import pytest

from sipagent.agent.spec import AgentSpec
from sipagent.providers.silero import Silero
from sipagent.testing.bed.library import library
from sipagent.testing.bed.metrics import panel, rows
from sipagent.testing.bed.simulated import simulate
from sipagent.testing.bench.figures import Figure

#: in one process, so that the bed runs once
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("goals")]

#: of each kind: some 200 turns, 200 interruptions and 200 times something that is none
_EVENTS = 42
#: goals that are not reached yet, and why
_MISSED: dict[tuple[str, str], str] = {}
_CASES = (
    *((kind, "answered") for kind in ("questions", "questions in noise")),
    *(
        (kind, figure)
        for kind in (
            "questions",
            "questions in noise",
            "numbers awaited, with pauses",
            "numbers told unasked, with pauses",
            "names, e-mail, addresses awaited",
        )
        for figure in ("cut off",)
    ),
    ("questions", "own, endpoint to RTP, p95"),
    ("questions in noise", "own, endpoint to RTP, p95"),
    *(
        (kind, figure)
        for kind in ("interruptions", "interruptions in noise", "interruptions over echo")
        for figure in ("yielded", "onset to silence, p95")
    ),
    *(
        (kind, figure)
        for kind in ("backchannels", "coughs and other sounds", "echo of the agent", "noise")
        for figure in ("not yielded, no word lost", "speech lost")
    ),
)


@pytest.fixture(scope="module")
def figures() -> dict[tuple[str, str], Figure]:
    """The whole panel, by kind and name."""
    house = Silero()
    spec = AgentSpec(silence_seconds=60)
    done = [simulate(spec, scenario, lambda: house.detector(8000)) for scenario in library(_EVENTS)]
    found = panel(rows((outcome.scenario, outcome.trials) for outcome in done))
    return {(figure.group, figure.name): figure for figure in found}


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        pytest.param(
            *case,
            marks=pytest.mark.xfail(strict=True, reason=_MISSED[case]) if case in _MISSED else (),
        )
        for case in _CASES
    ],
)
def test_a_goal_is_held(figures: dict[tuple[str, str], Figure], kind: str, name: str) -> None:
    figure = figures[kind, name]
    assert figure.met, f"{figure.measured}, wanted {figure.wanted}: {figure.note}"
