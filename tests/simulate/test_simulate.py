"""Talking with a plan by typing."""

import asyncio
from collections.abc import Iterable
from pathlib import Path

import pytest

from sipagent.config import Provider, Settings
from sipagent.dialplan.load import load
from sipagent.dialplan.model import Plan
from sipagent.events import BargeIn, CallEnded, DigitReceived, Event, LegChanged, Said, ToolReturned
from sipagent.sources import parse
from sipagent.testing.model_server import ModelServer
from sipagent.testing.simulate import Answers, Command, read, simulate
from sipagent.testing.simulate.commands import Unknown
from sipagent.testing.simulate.talk import Call
from sipagent.testing.virtual import run_virtual

PLAN = """
routes: [{to: "100"}]
agents:
  desk:
    greeting: "Rossi and Sons."
    tools: [transfer]
    intents:
      hours: {phrases: ["when are you open"], digits: "1", say: "From nine to five, as always."}
      sales: {phrases: ["sales please"], do: {transfer: {to: "sip:sales@pbx.example"}}}
policy: {destinations: ["sip:*@pbx.example"]}
sections: {main: [answer, {ai: {agent: desk}}, hangup]}
"""
MODELLED = PLAN.replace("tools: [transfer]", "brain: {provider: mind}")


class TypedSeat:
    """A `Seat` at which these lines are typed."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self.shown: list[Event] = []
        self.told: list[str] = []

    def ask(self) -> str | None:
        """See `Seat`."""
        return next(self._lines, None)

    def show(self, event: Event) -> None:
        """See `Seat`."""
        self.shown.append(event)

    def tell(self, text: str) -> None:
        """See `Seat`."""
        self.told.append(text)


def plan_from(text: str) -> Plan:
    return load(parse(text, "plan.yaml"))


def typed(*lines: str, plan: str = PLAN, answers: Answers = "yes") -> TypedSeat:
    """A whole call in which this was typed."""
    seat = TypedSeat(lines)
    events = run_virtual(
        simulate(plan_from(plan), Settings(tools=()), Call(answers=answers), seat), limit=3600
    )
    assert seat.shown == events and isinstance(events[-1], CallEnded)
    return seat


def said(seat: TypedSeat, speaker: str = "agent") -> list[str]:
    return [e.text for e in seat.shown if isinstance(e, Said) and e.speaker == speaker]


def test_what_is_typed_is_heard_and_answered() -> None:
    seat = typed("When are you open?", "", "/press 1", "/hangup")
    assert said(seat, "caller") == ["When are you open?"]
    assert said(seat) == ["Rossi and Sons.", *2 * ["From nine to five, as always."]]
    assert [e.digit for e in seat.shown if isinstance(e, DigitReceived)] == ["1"]


def test_the_end_of_the_input_hangs_up() -> None:
    [end] = [e for e in typed("/wait 1").shown if isinstance(e, CallEnded)]
    assert end.by == "caller"


def test_an_agent_can_be_interrupted() -> None:
    seat = typed("/interrupt 0.5 Sales please", "When are you open?", "/wait 4")
    assert "stopped" in [e.decision for e in seat.shown if isinstance(e, BargeIn)]
    assert said(seat, "caller") == ["When are you open?", "Sales please"]


@pytest.mark.parametrize(("answers", "ok"), [("yes", True), ("busy", False), ("no-answer", False)])
def test_who_is_dialled_does_as_chosen(answers: Answers, ok: bool) -> None:
    seat = typed("Sales please", "/wait 60", answers=answers)
    [result] = [e for e in seat.shown if isinstance(e, ToolReturned)]
    assert result.ok is ok
    confirmed = [e for e in seat.shown if isinstance(e, LegChanged) and e.role == "callee"]
    assert ("confirmed" in [e.state for e in confirmed]) is ok


def test_who_is_in_the_call_is_told() -> None:
    seat = typed("Sales please", "/legs")
    assert seat.told[0] == "caller: sip:you@localhost, confirmed"
    assert seat.told[1].startswith("callee1: sip:sales@pbx.example, ")


def test_lines_that_mean_nothing_are_told_and_cost_nothing() -> None:
    seat = typed("/prss 1", "/press x", "/wait soon", "/interrupt 2", "/help", "/events")
    assert seat.told[0] == "there is no /prss; did you mean press?"
    assert seat.told[1].startswith("/press needs keys")
    assert seat.told[2] == "'soon' are no seconds: /wait 5"
    assert seat.told[3].startswith("/interrupt needs seconds and words")
    assert seat.told[4].startswith("Type what the caller says.")
    assert '"type":"call_started"' in seat.told[5]


def test_commands_are_read() -> None:
    assert read("  hello / there ") == Command("say", "hello / there")
    assert read("/press 1 4 #") == Command("press", "14#")
    assert read("/wait") == Command("wait", seconds=1.0)
    assert read("/interrupt 1.5 no, wait") == Command("interrupt", "no, wait", 1.5)
    assert read("   ") is None
    with pytest.raises(Unknown, match="at most 3600"):
        read("/wait 100000")


def test_where_no_model_can_be_had_the_intents_answer_and_that_is_told() -> None:
    seat = typed("When are you open?", plan=MODELLED)
    assert said(seat)[-1] == "From nine to five, as always."
    [note] = seat.told
    assert note.startswith("mind is not asked (") and note.endswith("intents answer in its place")


async def test_a_model_that_can_be_had_is_asked(tmp_path: Path) -> None:
    async with ModelServer(["At nine, I believe."]) as model:
        mind = {"kind": "openai", "model": "test", "base_url": model.base_url}
        settings = Settings(tools=(), providers={"mind": Provider.model_validate(mind)})
        seat = TypedSeat(["When are you open?", "/hangup"])
        talk = simulate(plan_from(MODELLED), settings, Call(), seat)
        await asyncio.to_thread(run_virtual, talk)
        assert len(model.chats) == 1
    assert said(seat) == ["Rossi and Sons.", "At nine, I believe."]
    assert seat.told == []
