"""Agents, steps and answers where a user looks: the timeline and `calls show`."""

from typing import Any

from sipagent.cli.story import line
from sipagent.events import AgentChanged, Event, Gathered, StepChanged
from sipagent.store.lanes import lanes
from sipagent.store.moments import clock

STAMP: dict[str, Any] = {"call_id": "c", "t": 10}
EVENTS: list[Event] = [
    AgentChanged(**STAMP, before="desk", agent="sales", summary="wants a bicycle"),
    StepChanged(**STAMP, context="default", step="order", by="model"),
    Gathered(**STAMP, key="number", value="4711", attempts=2),
]


def test_the_picture_tells_how_far_a_talk_has_come() -> None:
    [steps] = [lane for lane in lanes(EVENTS, clock(EVENTS)) if lane.name == "steps"]
    assert [mark.label for mark in steps.marks] == ["agent sales", "step order", "number: 4711"]
    assert steps.marks[0].detail == "wants a bicycle"


def test_the_story_tells_it_line_by_line() -> None:
    assert [line(event) for event in EVENTS] == [
        ("[cyan]agent[/]", "desk hands over to sales"),
        ("[cyan]step[/]", "default.order (by the model)"),
        ("[cyan]answer[/]", "number: 4711 [dim](attempt 2)[/]"),
    ]
