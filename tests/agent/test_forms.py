"""Forms: what callers say and type, to answers that are checked."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipagent.agent.steps.form import Form, FormState
from sipagent.agent.steps.spec import Question
from sipagent.agent.steps.validation import Valid, validate


def question(kind: str, **more: Any) -> Question:
    return Question(key="k", question="What is it?", type=kind, **more)  # type: ignore[arg-type]


def valid(kind: str, text: str, digits: str = "", **more: Any) -> Any:
    found = validate(question(kind, **more), text, digits)
    return found.value if isinstance(found, Valid) else None


@pytest.mark.parametrize(
    ("kind", "said", "value"),
    [
        ("digits", "four seven one one", "4711"),
        ("digits", "it's four seven double one please", "4711"),
        ("digits", "47 11", "4711"),
        ("digits", "oh one twenty three", "0123"),
        ("digits", "four seven whatever", None),
        ("digits", "", None),
        ("number", "forty two", 42),
        ("number", "four hundred and twelve", 412),
        ("number", "two thousand and six", 2006),
        ("number", "1,200", 1200),
        ("number", "3.5", 3.5),
        ("number", "minus two", -2),
        ("number", "several", None),
        ("email", "ann dot lee at example dot com", "ann.lee@example.com"),
        ("email", "Ann@Example.com.", "ann@example.com"),
        ("email", "ann dash x underscore 1 at example dot co dot uk", "ann-x_1@example.co.uk"),
        ("email", "ann at home", None),
        ("date", "2026-03-03", "2026-03-03"),
        ("date", "the 3rd of March 2026", "2026-03-03"),
        ("date", "March 3, 2026", "2026-03-03"),
        ("date", "31 February 2026", None),
        ("yes_no", "yes please", True),
        ("yes_no", "no", False),
        ("yes_no", "true", True),
        ("yes_no", "perhaps", None),
        ("spelling", "S, M, I, double T", "SMITT"),
        ("spelling", "b as in bravo, o, b for bob", "BOB"),
        ("spelling", "Smith", "SMITH"),
        ("spelling", "a b c", "ABC"),
        ("address", "12 High Street, Leeds", "12 High Street, Leeds"),
        ("address", "Leeds", None),
        ("string", "Ann Lee", "Ann Lee"),
        ("string", "x" * 501, None),
    ],
)
def test_what_is_said_becomes_a_value_or_nothing(kind: str, said: str, value: Any) -> None:
    assert valid(kind, said) == value


def test_keys_answer_too() -> None:
    assert valid("digits", "", "0815") == "0815"
    assert valid("digits", "", "08*5") is None
    assert valid("yes_no", "", "2") is False
    assert valid("choice", "", "2", choices=("red", "blue")) == "blue"
    assert valid("choice", "", "3", choices=("red", "blue")) is None
    assert valid("date", "", "03032026") == "2026-03-03"


def test_a_choice_is_heard_within_a_sentence_and_only_when_it_is_one() -> None:
    colours = ("red", "light blue")
    assert valid("choice", "the light blue one", choices=colours) == "light blue"
    assert valid("choice", "red or light blue", choices=colours) is None
    assert validate(question("choice", choices=colours), "green") == "It can be red or light blue."


def test_a_pattern_and_a_length_are_kept() -> None:
    assert valid("digits", "1 2 3 4", length=4) == "1234"
    wrong = validate(question("digits", length=4), "1 2 3")
    assert wrong == "I have 1 2 3, but it should be 4 digits."
    assert valid("string", "AB12", pattern="[A-Z]{2}[0-9]{2}") == "AB12"
    assert validate(question("string", pattern="[A-Z]+"), "ab") == "ab does not look right."


def test_a_wrong_answer_is_asked_again_and_the_form_is_given_up_in_the_end() -> None:
    form = Form([question("digits", attempts=2)])
    assert form.heard("what").why == "I need digits only."
    assert form.open
    form.heard("what")
    assert form.state is FormState.GIVEN_UP


def test_an_optional_question_is_left_empty() -> None:
    form = Form([question("digits", attempts=1, optional=True)])
    taken = form.heard("no idea").taken
    assert taken is not None and taken.value is None
    assert form.state is FormState.COMPLETE


def test_an_answer_is_read_back_and_a_yes_takes_it() -> None:
    form = Form([question("digits", confirm=True)])
    assert form.heard("4711").taken is None
    assert form.words == "I have 4 7 1 1, is that right?"
    taken = form.heard("yes, that's right").taken
    assert taken is not None and taken.value == "4711"


@pytest.mark.parametrize("no", ["no", "", "that's wrong"])
def test_a_no_asks_the_question_anew(no: str) -> None:
    form = Form([question("digits", confirm=True, attempts=5)])
    form.heard("4711")
    form.heard(no, "" if no else "2")
    assert form.state in (FormState.ASKING, FormState.CONFIRMING)
    form.heard("no")
    assert (form.state, form.words) == (FormState.ASKING, "What is it?")


def test_a_correction_is_read_back_at_once() -> None:
    form = Form([question("digits", confirm=True)])
    form.heard("4711")
    form.heard("no it's 4 7 1 2")
    assert form.words == "I have 4 7 1 2, is that right?"
    form.heard("", "4713")
    assert form.words == "I have 4 7 1 3, is that right?"
    assert form.state is FormState.CONFIRMING


ANYTHING = st.tuples(
    st.sampled_from(["yes", "no", "4711", "no 12", "perhaps", "", "blue", "one two"]),
    st.sampled_from(["", "", "1", "2", "4711", "*"]),
)


@pytest.mark.parametrize("attempts", [1, 2, 3])
def test_who_corrects_again_and_again_is_not_asked_for_ever(attempts: int) -> None:
    form = Form([question("digits", confirm=True, attempts=attempts)])
    form.heard("4711")
    for number in range(attempts):
        form.heard(f"no it's 4 7 1 {number}")
    assert form.state is FormState.GIVEN_UP


@given(st.lists(ANYTHING, max_size=60), st.booleans(), st.integers(1, 4))
def test_whatever_is_said_a_form_comes_to_an_end_and_keeps_valid_answers_only(
    said: list[tuple[str, str]], confirm: bool, attempts: int
) -> None:
    questions = [
        question("digits", confirm=confirm, attempts=attempts),
        question("yes_no", attempts=attempts, optional=True),
        question("choice", choices=("red", "blue"), confirm=confirm, attempts=attempts),
    ]
    form = Form(questions)
    heard = 0
    for text, digits in said:
        if not form.open:
            break
        heard += 1
        taken = form.heard(text, digits).taken
        if taken is not None and taken.value is not None:
            assert isinstance(validate(taken.question, str(taken.value)), Valid)
            assert taken.attempts <= attempts
    # a question costs its attempts, and as many times reading back
    assert heard <= len(questions) * (2 * attempts + 1)
    assert bool(form.words) == form.open
