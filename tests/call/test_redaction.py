"""Redaction: what the rules name leaves no text, as it is written and as it is spoken."""

import asyncio
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from sipagent.call.privacy import Privacy, strictest
from sipagent.call.redaction.numbers import runs
from sipagent.call.redaction.patterns import Pattern
from sipagent.call.redaction.rules import Rule, redacted
from sipagent.events import (
    BargeIn,
    DigitReceived,
    MessageReceived,
    Said,
    ToolCalled,
    ToolReturned,
    Warned,
)
from sipagent.testing.fakes import FakeCall, ScriptedBrain, ScriptedEars, a_call
from sipagent.testing.talk import a_talk
from sipagent.testing.virtual import virtual_time

ALL: tuple[Rule, ...] = ("card_numbers", "iban", "email", "phone")
SPOKEN = "four one one one, one one one one, one one one one, one one one one"


def private(*rules: Any, **more: Any) -> FakeCall:
    return a_call(privacy=Privacy(redact=rules, **more))


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("it is 4111 1111 1111 1111 thanks", "it is [card number] thanks"),
        ("4111-1111-1111-1111", "[card number]"),
        ("4111111111111112.", "[card number]."),
        (f"sure, {SPOKEN}, right?", "sure, [card number], right?"),
        ("Four triple one double one double one 1111 and then uh 1111", "[card number]"),
        ("forty one eleven eleven eleven eleven eleven eleven eleven", "[card number]"),
        ("for one one one", "for one one one"),
        ("it is for one one one " + "one " * 10 + "to you", "it is for [card number] to you"),
        ("vier eins eins eins " * 4, "[card number] "),
        ("quatre un un un " * 4, "[card number] "),
        ("DE89 3704 0044 0532 0130 00", "[IBAN]"),
        ("gb82west12345698765432 please", "[IBAN] please"),
        ("mail john.smith@example.co.uk now", "mail [e-mail address] now"),
        ("it's john dot smith at example dot com", "it's [e-mail address]"),
        ("call +44 20 7183 8750 back", "call [phone number] back"),
        ("oh two oh seven one eight three eight seven five oh", "[phone number]"),
        ("at 10 or at 11, for 3 people", "at 10 or at 11, for 3 people"),
        ("order 4711 of 2026", "order 4711 of 2026"),
        ("one moment, two of us are here", "one moment, two of us are here"),
        ("in 20 days they come back here", "in 20 days they come back here"),
        ("", ""),
    ],
)
def test_what_the_rules_name_goes_and_the_rest_stays(text: str, kept: str) -> None:
    assert redacted(text, ALL) == kept


def test_numbers_are_read_as_people_say_them() -> None:
    said = "forty two, double oh seven and nineteen twenty"
    assert [run.digits for run in runs(said)] == ["42" + "007" + "19" + "20"]
    assert [run.digits for run in runs("call 112 or wait for two hours")] == ["112", "2"]


@st.composite
def dictated(draw: st.DrawFn) -> str:
    """A card number as somebody may say it and some ears write it."""
    digits = draw(st.text("0123456789", min_size=13, max_size=19))
    words = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    said = []
    for digit in digits:
        written = draw(st.booleans())
        said.append(digit if written else words[int(digit)])
        if draw(st.integers(0, 9)) == 0:
            said.append(draw(st.sampled_from(["uh", "and", ",", "then", "dash"])))
    while said[-1] in ("uh", "and", ",", "then", "dash"):
        said.pop()
    return " ".join(said)


@given(dictated(), st.sampled_from(["It is ", "", "card: "]), st.sampled_from([".", "", " please"]))
def test_a_card_number_goes_however_it_is_dictated(said: str, before: str, after: str) -> None:
    assert redacted(before + said + after, ("card_numbers",)) == f"{before}[card number]{after}"


@settings(max_examples=50)
@given(st.text(max_size=200))
def test_any_text_goes_through(text: str) -> None:
    clean = redacted(text, ALL)
    assert redacted(text, ()) == text
    assert not any(len(run.digits) >= 13 for run in runs(clean))


def test_a_rule_that_is_not_asked_for_changes_nothing() -> None:
    text = "4111 1111 1111 1111, john@example.com"
    assert redacted(text, ("email",)) == "4111 1111 1111 1111, [e-mail address]"
    assert redacted(text, ()) == text


def test_a_plan_has_patterns_of_its_own() -> None:
    customer = Pattern(pattern=r"cust-\d{6}", name="customer number")
    assert redacted("I am CUST-123456.", (customer,)) == "I am [customer number]."


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("((a{1000}){1000}){1000}", "repeats too much"),
        ("(a+)+$", "takes too long"),
        (r"(\d+-?)*x", "takes too long"),
        (r"(\w|\w\w)*!", "takes too long"),
        ("(", "not a regular expression"),
        ("a*", "matches nothing at all"),
    ],
)
def test_a_pattern_that_cannot_be_used_is_refused_by_the_check(pattern: str, why: str) -> None:
    began = time.process_time()
    with pytest.raises(ValidationError, match=why):
        Pattern(pattern=pattern, name="x")
    assert time.process_time() - began < 5


def test_a_text_no_pattern_gets_through_in_time_is_kept_from_everybody() -> None:
    slow = Pattern.model_construct(pattern="(a|aa)+$", name="letters")
    began = time.process_time()
    assert redacted("a" * 60 + "!", (slow,)) == "[letters]"
    assert time.process_time() - began < 2


@virtual_time
async def test_what_is_said_called_and_returned_is_redacted_where_it_leaves_the_worker() -> None:
    call = private("card_numbers", "email")
    emit = call.session.emit
    emit(Said, speaker="caller", text=f"it is {SPOKEN}", start=0, end=1)
    emit(ToolCalled, id="1", tool="pay", arguments={"card": 4111111111111111, "n": [1, "a@b.it"]})
    emit(ToolReturned, id="1", tool="pay", ok=True, result="paid with 4111 1111 1111 1111")
    emit(MessageReceived, sender="sip:a@b", text="4111111111111111")
    emit(Warned, code="tool_error", detail="ValueError: 4111111111111111 was declined")
    said, called, returned, wrote, warned = call.events[-5:]
    assert isinstance(warned, Warned) and "[card number] was declined" in warned.detail
    assert isinstance(said, Said) and said.text == "it is [card number]"
    assert isinstance(called, ToolCalled)
    assert called.arguments == {"card": "[card number]", "n": [1, "[e-mail address]"]}
    assert isinstance(returned, ToolReturned) and returned.result == "paid with [card number]"
    assert isinstance(wrote, MessageReceived) and wrote.text == "[card number]"


@virtual_time
async def test_a_number_that_a_barge_in_cut_is_redacted_on_both_sides() -> None:
    call = private("card_numbers")
    call.session.emit(
        Said,
        speaker="agent",
        text="You said 4111 1111",
        unheard="1111 1111, is that right?",
        start=0,
        end=1,
    )
    said = call.all(Said)[0]
    assert (said.text, said.unheard) == ("You said [card number]", ", is that right?")


@virtual_time
async def test_of_a_number_dictated_in_several_turns_only_the_beginning_is_told() -> None:
    call = private("card_numbers")
    turns = [
        "it's four one one one",
        "uh 1111",
        "and one one one one",
        "one one one one okay",
        "12",
    ]
    for turn in turns:
        call.session.emit(Said, speaker="caller", text=turn, start=0, end=1)
        call.session.emit(Said, speaker="agent", text="Go on.", start=0, end=1)
    told = [e.text for e in call.all(Said) if e.speaker == "caller"]
    assert told == ["it's four one one one", "uh 1111", "and [number]", "[number] okay", "[number]"]
    call.session.emit(BargeIn, decision="stopped", evidence="1 word", words="3 4")
    assert call.all(BargeIn)[-1].words == "[number]"
    call.session.emit(Said, speaker="caller", text="that is all", start=0, end=1)
    call.session.emit(Said, speaker="caller", text="12 of them", start=0, end=1)
    assert call.all(Said)[-1].text == "12 of them"


@virtual_time
async def test_words_that_are_not_whole_yet_show_no_beginning_of_a_number() -> None:
    call = private("card_numbers")
    words = "four one one one one one"
    call.session.emit(BargeIn, decision="stopped", evidence="6 words", words=words)
    call.session.emit(BargeIn, decision="stopped", evidence="2 words", words="two people")
    assert [e.words for e in call.all(BargeIn)] == ["[number]", "two people"]


@virtual_time
async def test_of_many_keys_only_the_first_are_told() -> None:
    call, hidden = private("card_numbers"), private("keys")
    await _settled()
    for key in "4111111":
        call.caller.far.press(key)
    await _settled()
    assert [e.digit for e in call.all(DigitReceived)] == ["4", "1", "1", "1", "", "", ""]
    hidden.caller.far.press("1")
    await _settled()
    assert [(e.digit, e.hidden) for e in hidden.all(DigitReceived)] == [("", True)]


async def _settled() -> None:
    await asyncio.sleep(0.1)


@virtual_time
async def test_the_mind_hears_what_the_caller_said_unless_it_is_not_to() -> None:
    for hidden, read in ((False, f"it is {SPOKEN}"), (True, "it is [card number]")):
        privacy = Privacy(redact=("card_numbers",), redact_for_model=hidden)
        brain = ScriptedBrain()
        async with a_talk(
            ears=ScriptedEars(f"it is {SPOKEN}"), brain=brain, privacy=privacy
        ) as talk:
            await talk.until(500)
            await talk.person.speak(500, then_quiet=1500)
            assert [m.text for m in brain.saw[0]] == [read]
            assert talk.said[0] == ("caller", "it is [card number]")


def test_the_server_and_the_plan_both_count() -> None:
    both = strictest(
        (Privacy(redact=("email",), last_four=True), Privacy(redact=("phone",), last_four=False))
    )
    assert both == Privacy(redact=("email", "phone"))
