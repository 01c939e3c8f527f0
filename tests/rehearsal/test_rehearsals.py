"""Rehearsals of the examples: the whole plan, on a virtual clock."""

from pathlib import Path

from sipagent.config import Settings
from sipagent.dialplan.load import load_file
from sipagent.events import (
    CallEnded,
    LegChanged,
    PolicyDecided,
    Said,
    SoundPlayed,
    ToolReturned,
)
from sipagent.testing.rehearsal import (
    BUSY,
    Answer,
    Deed,
    Minds,
    MindScript,
    Party,
    Rehearsal,
    ScriptedMind,
    rehearse,
)
from sipagent.testing.virtual import virtual_time

PLANS = Path(__file__).parents[2] / "dialplans"
SETTINGS = Settings(tools=(Path(__file__).parents[2] / "tools",))


def heard(call: Rehearsal) -> str:
    return " ".join(event.text for event in call.all(Said) if event.speaker == "agent")


def announced(call: Rehearsal) -> str:
    return " ".join(event.url for event in call.all(SoundPlayed))


def scripted(script: MindScript) -> Minds:
    return lambda wanted: None if wanted.embedded else ScriptedMind(script)


@virtual_time
async def test_the_receptionist_answers_and_puts_through_whoever_asks() -> None:
    plan = load_file(PLANS / "reception.yaml")
    sales = Party(answers=2.0, deeds=(Deed(says="Sales, hello."), Deed(after=2.0, hangs_up=True)))
    async with rehearse(plan, SETTINGS, to="100", parties={"sip:sales@*": sales}) as call:
        await call.says("What are your opening hours?")
        assert await call.until(lambda: "nine to five" in heard(call), 10)
        await call.says("Where is my order?")
        assert await call.until(lambda: bool(call.all(ToolReturned)), 10)
        await call.says("Sales, please.")
        assert await call.ended()
    assert [event.text for event in call.all(Said) if event.speaker == "caller"] == [
        "What are your opening hours?",
        "Where is my order?",
        "Sales, please.",
    ]
    assert "Order 1001 is on its way" in heard(call)
    states = [event.state for event in call.all(LegChanged) if event.role == "callee"]
    assert states == ["calling", "early", "confirmed", "disconnected"]
    assert call.parties.dialled[0].target == "sip:sales@pbx.example"
    assert call.all(CallEnded)[0].by in ("plan", "agent")


@virtual_time
async def test_the_menu_is_heard_word_for_word_and_takes_keys() -> None:
    plan = load_file(PLANS / "menu.yaml")
    async with rehearse(plan, SETTINGS, to="200", parties={"sip:workshop@*": BUSY}) as call:
        await call.presses("1")
        assert await call.until(lambda: "nine to five" in announced(call), 15)
        await call.presses("2")
        assert await call.until(lambda: "Nobody is in the workshop now." in announced(call), 15)
        await call.hangs_up()
    prompts = [event for event in call.all(SoundPlayed) if event.port == "prompt"]
    assert prompts[0].whole and prompts[0].end - prompts[0].start > 2000
    assert call.all(CallEnded)[0].by == "caller"


@virtual_time
async def test_a_model_is_played_by_its_script_and_policy_still_asks_the_caller() -> None:
    script = MindScript([
        Answer(says="Of course.", calls=[("transfer", {"to": "sip:sales@pbx.example"})]),
    ])  # fmt: skip
    plan = load_file(PLANS / "model.yaml")
    minds = scripted(script)
    parties = {"sip:sales@pbx.example": Party()}
    async with rehearse(plan, SETTINGS, to="400", minds=minds, parties=parties) as call:
        await call.says("I want to buy a bicycle")
        await call.says("Yes, please")
        assert await call.until(lambda: bool(call.parties.legs), 10)
        await call.waits(3)
    asked = [event for event in call.all(PolicyDecided) if event.verb == "transfer"]
    assert [event.confirmed for event in asked] == [None, True]
    assert script.unanswered == [] and call.record.troubles == []


@virtual_time
async def test_a_mind_without_answers_fails_as_a_dead_model_does() -> None:
    plan = load_file(PLANS / "model.yaml")
    script = MindScript([])
    async with rehearse(plan, SETTINGS, to="400", minds=scripted(script)) as call:
        await call.says("Hello")
        assert await call.ended(120)
    assert script.unanswered == ["Hello"]
    assert "Sorry, we cannot take your call" in announced(call)


@virtual_time
async def test_the_same_call_twice_is_the_same_to_the_last_event() -> None:
    plan, runs = load_file(PLANS / "reception.yaml"), []
    for _ in range(2):
        async with rehearse(plan, SETTINGS) as call:
            await call.says("When are you open?")
            await call.coughs()
            await call.says("Goodbye")
            assert await call.ended()
        runs.append([(event.type, event.t - call.events[0].t) for event in call.events])
    assert runs[0] == runs[1]
    assert len(runs[0]) > 20
