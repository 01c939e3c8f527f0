"""Calls on record, run again: against the plan they had, and against others."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sipagent.config import Provider, Settings
from sipagent.dialplan.load import load
from sipagent.events import CallStarted, Said, ToolReturned
from sipagent.sources import parse
from sipagent.store.archive import Piece, write_archive
from sipagent.store.archive import Wish as ZipWish
from sipagent.store.bundle import write_bundle
from sipagent.testing.bed.render import render
from sipagent.testing.bed.scenario import Line
from sipagent.testing.rehearsal import (
    BUSY,
    Answer,
    Party,
    Rehearsal,
    ScriptedWeb,
)
from sipagent.testing.rehearsal.rehearsal import VOICE
from sipagent.testing.rehearsal.web import Answer as WebAnswer
from sipagent.testing.replay import NotReplayable, Replayed, Wish, replay, taken_from
from sipagent.testing.replay.compare import words
from sipagent.testing.replay.page import page
from sipagent.testing.replay.rehearsed import Act
from sipagent.testing.replay.rehearsed import on_record as kept

PLAN = """
routes: [{to: "100"}]
agents:
  desk:
    greeting: "Rossi and Sons."
    tools: [transfer]
    intents:
      hours: {phrases: ["when are you open"], digits: "1", say: "From nine to five."}
      sales: {phrases: ["sales please"], do: {transfer: {to: "sip:sales@pbx.example"}}}
policy: {destinations: ["sip:*@pbx.example"]}
sections: {main: [answer, {record_call: {stereo: true}}, {ai: {agent: desk}}, hangup]}
"""
MODELLED = """
routes: [{to: "100"}]
agents:
  desk: {greeting: "Hello.", prompt: "You are a clerk.", brain: {provider: mind}, tools: [TOOLS]}
sections: {main: [answer, {ai: {agent: desk}}, hangup]}
"""
SETTINGS = Settings(
    tools=(), providers={"mind": Provider.model_validate({"kind": "openai", "model": "m-1"})}
)
_MODELS: frozenset[Piece] = frozenset({"models"})


def plan_from(text: str) -> Any:
    return load(parse(text, "plan.yaml"))


def on_record(
    folder: Path, text: str, act: Act, *answers: Answer, settings: Settings = SETTINGS, **more: Any
) -> Path:
    return kept(folder, plan_from(text), settings, act, *answers, **more)


def again(folder: Path, plan: str = "", **wish: Any) -> Replayed:
    return replay(taken_from(folder), SETTINGS, Wish(plan_from(plan) if plan else None, **wish))


def changes(replayed: Replayed) -> list[tuple[str, str]]:
    """What differs: what stood there, what stands there now."""
    return [
        (row.before.what if row.before else "", row.after.what if row.after else "")
        for row in replayed.comparison.differences
    ]


async def asks_and_leaves(call: Rehearsal) -> None:
    await call.says("When are you open?")
    await call.until(lambda: "nine" in told(call), 10)
    await call.presses("1")
    await call.until(lambda: told(call).count("nine") == 2, 10)
    await call.hangs_up()


async def mumbles_and_leaves(call: Rehearsal) -> None:
    line = render(Line(say="When are you open?"), VOICE, np.random.default_rng(1))
    await call.says(replace(line, confidence=0.7))
    await call.until(lambda: "Press 1 for yes" in told(call), 10)
    await call.presses("1")
    await call.until(lambda: "nine" in told(call), 10)
    await call.hangs_up()


def told(call: Rehearsal) -> str:
    return " ".join(e.text for e in call.all(Said) if e.speaker == "agent")


def test_what_was_hardly_understood_is_asked_back_again(tmp_path: Path) -> None:
    folder = on_record(tmp_path, PLAN, mumbles_and_leaves)
    replayed = again(folder)
    assert replayed.same, changes(replayed)
    assert any(isinstance(e, Said) and "Press 1 for yes" in e.text for e in replayed.after)


def test_a_call_against_its_own_plan_is_the_same(tmp_path: Path) -> None:
    replayed = again(on_record(tmp_path, PLAN, asks_and_leaves))
    assert replayed.same, changes(replayed)
    assert replayed.notes == ()
    assert sum(isinstance(event, Said) for event in replayed.after) >= 4


async def keys_at_their_time(call: Rehearsal) -> None:
    await call.waits(2)
    await call.presses("9", over=True)
    await call.waits(4)
    await call.presses("1", over=True)
    await call.waits(8)
    await call.hangs_up()


def test_a_menu_without_an_agent_is_the_same_too(tmp_path: Path) -> None:
    menu = (Path(__file__).parents[2] / "dialplans" / "menu.yaml").read_text()
    folder = on_record(tmp_path, menu, keys_at_their_time)
    replayed = again(folder)
    assert replayed.same, changes(replayed)
    assert replayed.notes == ()
    changed = again(folder, menu.replace("nine to five", "ten to four"))
    assert changed.same is False


async def gives_up(call: Rehearsal) -> None:
    await call.waits(2)
    await call.hangs_up()


def test_a_caller_who_gives_up_before_an_answer_does_so_again(tmp_path: Path) -> None:
    early = "sections: {main: [{connect: {to: 'sip:sales@pbx.example'}}, hangup]}"
    folder = on_record(tmp_path, early, gives_up, parties={"sip:*": Party(answers=None)})
    replayed = again(folder)
    assert replayed.same, changes(replayed)
    assert replayed.after[-1].t == replayed.before[-1].t


def test_what_is_said_otherwise_is_shown_word_by_word(tmp_path: Path) -> None:
    folder = on_record(tmp_path, PLAN, asks_and_leaves)
    replayed = again(folder, PLAN.replace("From nine to five.", "From nine to eight."))
    assert changes(replayed) == 2 * [("From nine to five.", "From nine to eight.")]
    assert words("From nine to five.", "From nine to eight.") == [
        ("same", "From nine to"),
        ("gone", "five."),
        ("new", "eight."),
    ]
    shown = page(replayed)
    assert "<del>five.</del> <ins>eight.</ins>" in shown
    assert shown.count("data:image/svg+xml") == 2


def test_the_caller_waits_for_an_agent_that_says_more_unless_all_is_to_be_as_timed(
    tmp_path: Path,
) -> None:
    folder = on_record(tmp_path, PLAN, asks_and_leaves)
    longer = PLAN.replace(
        "Rossi and Sons.", "Rossi and Sons, the house of umbrellas since nineteen hundred and ten."
    )
    waiting = again(folder, longer)
    assert {row.either.kind for row in waiting.comparison.differences} == {"said"}
    timed = again(folder, longer, as_timed=True)
    assert "barge-in" in {row.either.kind for row in timed.comparison.differences}


async def asks_for_sales(call: Rehearsal) -> None:
    await call.says("Sales please.")
    await call.waits(6)
    await call.hangs_up()


@pytest.mark.parametrize("party", [BUSY, Party(answers=2.0)])
def test_who_was_dialled_behaves_as_then(tmp_path: Path, party: Party) -> None:
    folder = on_record(tmp_path, PLAN, asks_for_sales, parties={"sip:sales@*": party})
    replayed = again(folder)
    assert replayed.same, changes(replayed)
    refused = again(folder, PLAN.replace("sip:*@pbx.example", "sip:*@other.example"))
    assert any("denied" in after for _, after in changes(refused))


def test_a_model_that_is_asked_otherwise_answers_as_on_record_and_that_is_told(
    tmp_path: Path,
) -> None:
    folder = on_record(tmp_path, modelled(), asks_twice, Answer("At nine."), Answer("You too."))
    assert again(folder).same
    replayed = again(folder, modelled().replace("a clerk", "a <pirate>"))
    assert not replayed.same and replayed.comparison.differences == ()
    assert [one.done for one in replayed.requests] == 2 * ["answered as on record"]
    [unlike] = replayed.requests[0].unlike
    assert unlike.what == "prompt" and "a <pirate>" in unlike.after
    assert "&lt;pirate&gt;" in page(replayed) and "<pirate>" not in page(replayed)


def test_a_request_without_a_counterpart_is_not_answered(tmp_path: Path) -> None:
    folder = on_record(tmp_path, modelled(), asks_twice, Answer("At nine."), Answer("You too."))
    lines = (folder / "models.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "models.jsonl").write_bytes(b"".join(lines[:-2]))
    replayed = again(folder)
    assert "not answered" in {one.done for one in replayed.requests}
    assert "You too." in [before for before, _ in changes(replayed)]


def modelled(tools: str = "") -> str:
    return MODELLED.replace("TOOLS", tools)


async def asks_twice(call: Rehearsal) -> None:
    await call.says("When do you open?")
    await call.says("Have a nice day.")
    await call.until(lambda: "You too" in told(call), 10)
    await call.hangs_up()


TOOL = '''
from sipagent.tools import tool

called = []


@tool
async def cancel_order(number: str) -> str:
    """Cancel an order.

    Args:
        number: Its number.
    """
    called.append(number)
    return f"Order {number} is cancelled, {len(called)} so far."
'''


def test_no_function_is_called_again(tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "orders.py").write_text(TOOL)
    settings = SETTINGS.model_copy(update={"tools": (tools,)})
    asked = Answer(calls=(("cancel_order", {"number": "7"}),))
    folder = on_record(
        tmp_path / "call",
        modelled("cancel_order"),
        asks_once,
        asked,
        Answer("It is cancelled."),
        settings=settings,
    )
    replayed = replay(taken_from(folder), settings)
    assert replayed.same, changes(replayed)
    [result] = [e for e in replayed.after if isinstance(e, ToolReturned)]
    assert result.result == "Order 7 is cancelled, 1 so far."


async def asks_once(call: Rehearsal) -> None:
    await call.says("Cancel it.")
    await call.until(lambda: "cancelled" in told(call), 10)
    await call.hangs_up()


SWAIG = """
agents:
  desk:
    greeting: "Hello."
    brain: {provider: mind}
    swaig:
      defaults: {web_hook_url: "https://shop.example/swaig"}
      functions:
        - function: order
          description: "Look up an order."
          parameters: {type: object, properties: {number: {type: integer}}}
sections: {main: [answer, {ai: {agent: desk}}, hangup]}
"""


def test_a_function_on_the_web_answers_what_it_answered_then(tmp_path: Path) -> None:
    web = ScriptedWeb({"POST https://shop.example/*": [WebAnswer.of({"response": "It is lost."})]})
    asked = Answer(calls=(("order", {"number": 7}),))
    folder = on_record(tmp_path, SWAIG, asks_once, asked, Answer("It is cancelled."), web=web)
    replayed = again(folder)
    assert replayed.same, changes(replayed)
    assert [e.result for e in replayed.after if isinstance(e, ToolReturned)] == ["It is lost."]


def test_a_zip_is_replayed_as_its_folder_is(tmp_path: Path) -> None:
    folder = on_record(tmp_path / "call", PLAN, asks_and_leaves)
    path = tmp_path / "call.zip"
    write_archive(path, folder, taken_from(folder).events)
    replayed = replay(taken_from(path), SETTINGS)
    assert replayed.same, changes(replayed)
    assert replayed.notes == ()


async def asks_and_presses(call: Rehearsal) -> None:
    await call.says("When do you open?")
    await call.until(lambda: "At nine" in told(call), 10)
    await call.presses("1")
    await call.until(lambda: "You too" in told(call), 10)
    await call.hangs_up()


def test_a_redacted_zip_is_replayed_as_far_as_can_be_and_says_what_it_lacks(tmp_path: Path) -> None:
    answers = (Answer("At nine."), Answer("You too."))
    folder = on_record(tmp_path / "call", modelled(), asks_and_presses, *answers)
    path = tmp_path / "call.zip"
    write_archive(path, folder, taken_from(folder).events, ZipWish.of(_MODELS, (), redact=True))
    replayed = replay(taken_from(path), SETTINGS)
    notes = " ".join(replayed.notes)
    assert "no stereo WAV" in notes and "models.jsonl" in notes and "keys were hidden" in notes
    said = [e.text for e in replayed.after if isinstance(e, Said) and e.speaker == "caller"]
    assert said[0] == "When do you open?"
    assert {one.done for one in replayed.requests} == {"not answered"}


def test_what_cannot_be_replayed_is_said(tmp_path: Path) -> None:
    folder = on_record(tmp_path, PLAN, asks_and_leaves)
    with pytest.raises(NotReplayable, match="no agent 'dsk'; its agents: desk"):
        again(folder, agent="dsk")
    (folder / "plan.json").unlink()
    with pytest.raises(NotReplayable, match="name one with --plan"):
        again(folder)
    assert again(folder, PLAN).same
    with pytest.raises(NotReplayable, match="not the record of a call"):
        taken_from(tmp_path / "nothing")
    outbound = [
        e.model_copy(update={"direction": "outbound"}) if isinstance(e, CallStarted) else e
        for e in taken_from(folder).events
    ]
    write_bundle(folder, outbound)
    with pytest.raises(NotReplayable, match="made from here"):
        again(folder, PLAN)
