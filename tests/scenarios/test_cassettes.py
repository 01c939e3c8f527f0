"""Cassettes: a mind is recorded once, and answers the same for ever."""

from pathlib import Path

import pytest

from sipagent.agent.protocols import Brain
from sipagent.errors import ConfigError
from sipagent.testing.rehearsal import Answer, MindScript, ScriptedMind, Wanted
from sipagent.testing.scenarios import play
from sipagent.testing.scenarios.running import record

from .writing import cases

PLAN = """
agents:
  desk:
    prompt: "You are the desk of the bicycle shop."
    brain: {provider: openai, model: gpt-4o-mini, api_key: "sk-very-secret"}
    tools: [lookup_order]
sections:
  main: [answer, {ai: {agent: desk}}, hangup]
"""
TEXT = """
scenarios:
  - name: an order
    mind: {cassette: desk.cassette.json}
    steps:
      - says: where is my order
      - expects: {tool: lookup_order}
      - expects: {hears: tomorrow, within_ms: 3000}
"""


def hosted(wanted: Wanted) -> Brain:
    """In the place of a model of a vendor."""
    calls = [("lookup_order", {"order_number": "1001"})]
    return ScriptedMind(
        MindScript([
            Answer(says="One moment.", calls=calls, seconds=0.8),
            Answer(says="It comes tomorrow."),
        ])
    )  # fmt: skip


def test_what_was_recorded_is_answered_without_the_mind_and_holds_no_secret(tmp_path: Path) -> None:
    assert [result.failure for result in record(cases(tmp_path, TEXT, PLAN), hosted)] == [None]
    tape = (tmp_path / "desk.cassette.json").read_text()
    assert "It comes tomorrow." in tape and '"takes": 0.8' in tape
    assert "sk-very-secret" not in tape and "bicycle shop" not in tape
    again = play(cases(tmp_path, TEXT, PLAN)[0])
    assert again.failure is None
    assert "One moment." in [line.text for line in again.transcript]


def test_a_prompt_that_changed_is_told_and_recording_anew_mends_it(tmp_path: Path) -> None:
    record(cases(tmp_path, TEXT, PLAN), hosted)
    changed = PLAN.replace("bicycle", "book")
    result = play(cases(tmp_path, TEXT, changed)[0])
    assert result.failure is not None
    record(cases(tmp_path, TEXT, changed), hosted)
    assert play(cases(tmp_path, TEXT, changed)[0]).passed
    assert play(cases(tmp_path, TEXT, PLAN)[0]).passed


def test_a_talk_that_goes_another_way_is_no_answer(tmp_path: Path) -> None:
    record(cases(tmp_path, TEXT, PLAN), hosted)
    text = TEXT.replace("where is my order", "where is my bicycle").split("      - expects")[0]
    text += "      - waits: 3\n"
    result = play(cases(tmp_path, text, PLAN)[0])
    assert result.failure is not None
    assert "went another way" in result.failure.instead[0]


def test_a_cassette_that_is_not_there_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="sipagent test --record"):
        play(cases(tmp_path, TEXT, PLAN)[0])
