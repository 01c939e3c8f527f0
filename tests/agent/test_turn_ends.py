"""When a turn is over, and why: the rules one by one, and the machine that follows them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipagent.agent.lexicon.known import lexicon
from sipagent.agent.protocols import Awaited, Expectation
from sipagent.agent.turns.awaiting import asked_for, awaiting, taken_by
from sipagent.agent.turns.decisions import EndOfTurn
from sipagent.agent.turns.ending import verdict
from sipagent.agent.turns.machine import TurnMachine
from sipagent.agent.turns.rules import Awaiting, TurnRules, TurnSoFar

RULES = TurnRules()


def waits(text: str, awaits: Awaited = "speech", **more: Any) -> tuple[int, str]:
    found = verdict(TurnSoFar(Awaiting(awaits, **more), text), RULES)
    return found.ms, found.rule


@pytest.mark.parametrize(
    ("text", "ms", "rule"),
    [
        ("", 500, "silence"),
        ("I want to speak with sales", 500, "silence"),
        ("What are your opening hours?", 350, "sentence"),
        ("Yes.", 500, "silence"),
        ("I would like to", 900, "unfinished"),
        ("I would like to, um", 900, "unfinished"),
        ("and", 900, "unfinished"),
        ("Please go on.", 350, "sentence"),
        ("my number is", 900, "unfinished"),
        ("a table for two", 900, "unfinished"),
        ("it is 4 9 3", 1800, "unfinished"),
        ("my name is K O W", 1800, "unfinished"),
    ],
)
def test_the_words_tell_how_long_to_wait(text: str, ms: int, rule: str) -> None:
    assert waits(text) == (ms, rule)


@pytest.mark.parametrize(
    ("text", "ms", "rule"),
    [
        ("", 1800, "awaited"),
        ("4", 1800, "unfinished"),
        ("forty nine", 1800, "unfinished"),
        ("my number", 1800, "awaited"),
        ("I do not have one", 500, "silence"),
        ("no", 500, "silence"),
        ("hold on please", 500, "silence"),
    ],
)
def test_a_number_that_was_asked_for_is_waited_for(text: str, ms: int, rule: str) -> None:
    assert waits(text, "number") == (ms, rule)


@pytest.mark.parametrize(
    ("awaits", "text"),
    [
        ("email", "anna at example"),
        ("address", "twelve Station Road"),
        ("spelling", "it is A N N A at example"),
        ("spelling", "my name is Kowalski"),
    ],
)
def test_what_people_say_in_pieces_is_waited_for(awaits: Awaited, text: str) -> None:
    assert waits(text, awaits)[0] == 1800


def test_yes_is_enough_where_a_yes_was_asked_for() -> None:
    assert waits("yes", "yes_no") == (350, "answer")
    assert waits("yes but", "yes_no") == (900, "unfinished")


def test_a_declared_phrase_is_whole() -> None:
    phrases = frozenset({"room two", "where is my order"})
    assert waits("Where is my order", phrases=phrases) == (350, "phrase")
    assert waits("room two", phrases=phrases) == (350, "phrase")


def test_ears_that_take_the_words_for_whole_are_believed_but_not_in_a_dictation() -> None:
    told = TurnSoFar(Awaiting(), "put me through to sales", complete=True)
    assert verdict(told, RULES).rule == "told"
    number = TurnSoFar(Awaiting("number"), "4 9 3", complete=True)
    assert verdict(number, RULES).ms == 1800


def test_words_that_are_behind_the_voice_do_not_end_the_turn_sooner() -> None:
    stale = TurnSoFar(Awaiting(), "What are your hours?", fresh=False)
    assert verdict(stale, RULES).rule == "silence"


def test_nothing_is_waited_for_beyond_the_timeout_and_the_record_says_so() -> None:
    rules = TurnRules(end_of_speech_timeout=700)
    found = verdict(TurnSoFar(Awaiting("number")), rules)
    assert found.ms == 700
    assert "end_of_speech_timeout of 700 ms" in found.evidence


_WORDS = ["my", "number", "is", "8359", "um", "and", "Kowalski", "yes", ".", "?", "a"]


@given(
    st.lists(st.sampled_from(_WORDS)).map(" ".join),
    st.sampled_from(["speech", "yes_no", "number", "address", "email", "spelling"]),
    st.booleans(),
    st.booleans(),
)
def test_every_wait_is_within_its_bounds(
    text: str, awaits: Awaited, complete: bool, fresh: bool
) -> None:
    found = verdict(TurnSoFar(Awaiting(awaits), text, complete, fresh), RULES)
    assert RULES.complete_ms <= found.ms <= RULES.end_of_speech_timeout
    assert not any(word in found.evidence for word in ("Kowalski", "8359"))


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ("Good morning.", "speech"),
        ("What is your order number?", "number"),
        ("What is your order number? It is on the invoice.", "number"),
        ("Your order number is 4711. What else can I do?", "speech"),
        ("Please give me your e-mail address.", "email"),
        ("Where do you live?", "address"),
        ("Could you spell your name?", "spelling"),
        ("", "speech"),
    ],
)
def test_the_agents_own_question_tells_what_is_awaited(said: str, asked: Awaited) -> None:
    assert asked_for(said, lexicon("en")) == asked


def test_a_question_in_german_tells_it_too() -> None:
    assert asked_for("Wie lautet Ihre Kundennummer?", lexicon("de-DE")) == "number"


@pytest.mark.parametrize(
    ("name", "field", "kinds"),
    [
        ("order_number", {"type": "string"}, ["number"]),
        ("phoneNumber", {"type": "string"}, ["number"]),
        ("iban", {"type": "string"}, ["number"]),
        ("contact", {"type": "string", "format": "email"}, ["email"]),
        ("street_address", {"type": "string"}, ["address"]),
        ("ticket", {"type": "string", "pattern": r"^\d{6}$"}, ["number"]),
        ("code", {"type": "string", "enum": ["red", "blue"]}, []),
        ("department", {"type": "string"}, []),
        ("widget", {}, []),
    ],
)
def test_a_tools_schema_tells_what_it_could_take(
    name: str, field: dict[str, Any], kinds: list[str]
) -> None:
    assert list(taken_by({"type": "object", "properties": {name: field}})) == kinds


def test_a_schema_that_is_none_tells_nothing() -> None:
    assert list(taken_by({"properties": ["number"]})) == []


def test_what_the_mind_expects_goes_before_what_it_asked() -> None:
    expected = Expectation(awaits="yes_no")
    assert awaiting(expected, asked="Is 12 your house number?").awaits == "yes_no"


def test_figures_are_a_dictation_at_once_where_a_tool_takes_them() -> None:
    assert waits("it is four")[0] == 900
    assert waits("it is four", offered=frozenset({"number"}))[0] == 1800


def hear(machine: TurnMachine, probability: float, ms: int, since: int) -> list[EndOfTurn]:
    decided = [d for t in range(since, since + ms, 20) for d in machine.frame(t, probability)]
    return [d for d in decided if isinstance(d, EndOfTurn)]


def test_a_number_with_pauses_of_a_second_and_a_half_is_one_turn() -> None:
    machine, t, ends = TurnMachine(), 0, list[EndOfTurn]()
    for group in ("4 9 3", "4 9 3 5 5 1", "4 9 3 5 5 1 7 7 2"):
        ends += hear(machine, 1.0, 900, t)
        machine.expect(Awaiting("number"))
        machine.words(group)
        ends += hear(machine, 0.0, 1500, t + 900)
        t += 2400
    assert ends == []
    [end] = hear(machine, 0.0, 400, t)
    assert (end.rule, end.t - end.speech_end) == ("unfinished", 1800)


def test_words_that_come_in_the_pause_change_how_long_it_may_be() -> None:
    machine = TurnMachine()
    hear(machine, 1.0, 600, 0)
    assert hear(machine, 0.0, 400, 600) == []
    machine.words("I would like to")
    assert hear(machine, 0.0, 400, 1000) == []
    machine.words("I would like to go home now.")
    [end] = hear(machine, 0.0, 20, 1400)
    assert (end.rule, end.reason, end.words) == (
        "sentence",
        "complete",
        "I would like to go home now.",
    )
