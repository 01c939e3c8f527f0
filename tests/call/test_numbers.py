"""A number is one number, however a trunk writes it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipagent.call.numbers import NumberPlan, number_of

BRITISH = NumberPlan(country="44")
AMERICAN = NumberPlan(country="1", national="1", international=("011",))
ITALIAN = NumberPlan(country="39", national="")


@pytest.mark.parametrize(
    ("plan", "written", "meant"),
    [
        (BRITISH, "+442079460018", "+442079460018"),
        (BRITISH, "+44 (20) 7946-0018", "+442079460018"),
        (BRITISH, "020 7946 0018", "+442079460018"),
        (BRITISH, "00442079460018", "+442079460018"),
        (BRITISH, "0039061234567", "+39061234567"),
        (BRITISH, "2079460018", "+442079460018"),
        (BRITISH, "999", "999"),
        (BRITISH, "201", "201"),
        (BRITISH, "*86", "*86"),
        (BRITISH, "alice", "alice"),
        (BRITISH, "anonymous", "anonymous"),
        (BRITISH, "", ""),
        (AMERICAN, "12125550100", "+12125550100"),
        (AMERICAN, "212-555-0100", "+12125550100"),
        (AMERICAN, "011442079460018", "+442079460018"),
        (ITALIAN, "06 1234 5678", "+390612345678"),
        (NumberPlan(country="44", bare="international"), "442079460018", "+442079460018"),
        (NumberPlan(), "02079460018", "02079460018"),
        (NumberPlan(), "00442079460018", "+442079460018"),
        (NumberPlan(country="44", strip="77#"), "77#02079460018", "+442079460018"),
        (NumberPlan(country="44", strip="9"), "9", "9"),
    ],
)
def test_a_number_becomes_e164(plan: NumberPlan, written: str, meant: str) -> None:
    assert plan.e164(written) == meant


@pytest.mark.parametrize(
    ("send", "home", "abroad"),
    [
        ("e164", "+442079460018", "+390612345678"),
        ("digits", "442079460018", "390612345678"),
        ("national", "02079460018", "00390612345678"),
        ("international", "00442079460018", "00390612345678"),
    ],
)
def test_a_trunk_is_sent_the_form_it_wants(send: str, home: str, abroad: str) -> None:
    plan = NumberPlan.model_validate({"country": "44", "send": send})
    assert plan.dialled("020 7946 0018") == home
    assert plan.dialled("+390612345678") == abroad
    assert plan.dialled("999") == "999"


def test_an_access_prefix_is_for_public_numbers_and_never_shown() -> None:
    plan = NumberPlan(country="44", send="national", prefix="9")
    assert plan.dialled("+442079460018") == "902079460018"
    assert plan.dialled("201") == "201"
    assert plan.shown("+442079460018") == "02079460018"


@pytest.mark.parametrize(
    ("uri", "becomes"),
    [
        ("sip:02079460018@pbx.example:5080;a=b", "sip:+442079460018@pbx.example:5080;a=b"),
        ("sip:%2B442079460018@pbx.example", "sip:+442079460018@pbx.example"),
        ("sip:020-7946-0018:secret@pbx.example", "sip:+442079460018:secret@pbx.example"),
        ("sips:alice@pbx.example", "sips:alice@pbx.example"),
        ("tel:020-7946-0018;phone-context=+44", "tel:+442079460018;phone-context=+44"),
        ("sip:192.0.2.10", "sip:192.0.2.10"),
        ("sip:192.0.2.10:5060", "sip:192.0.2.10:5060"),
        ("urn:service:sos", "urn:service:sos"),
    ],
)  # fmt: skip
def test_only_the_number_in_a_uri_changes(uri: str, becomes: str) -> None:
    assert BRITISH.e164_uri(uri) == becomes


@given(st.text(max_size=40) | st.text("+0123456789*#()-. a", max_size=20))
def test_any_text_comes_through_and_twice_is_once(text: str) -> None:
    for plan in (BRITISH, AMERICAN, ITALIAN):
        once = plan.e164(text)
        assert plan.e164(once) == once
        plan.dialled(text)
        plan.e164_uri(text)


@given(st.integers(min_value=1_000_000, max_value=10**11 - 1))
def test_what_is_sent_reads_back_as_the_same_number(digits: int) -> None:
    number = f"+44{digits}"
    for send in ("e164", "digits", "international"):
        plan = NumberPlan.model_validate(
            {"country": "44", "send": send, "bare": "international", "national": ""}
        )
        assert plan.e164(plan.shown(number)) == number


@pytest.mark.parametrize(
    ("identity", "number"),
    [
        ('"Sales" <sip:+442079460018@pbx.example;user=phone>', "+442079460018"),
        ("sip:201@pbx.example", "201"),
        ("tel:+442079460018", "+442079460018"),
        ("+442079460018", "+442079460018"),
        ("anonymous", "anonymous"),
    ],
)
def test_the_number_of_an_identity(identity: str, number: str) -> None:
    assert number_of(identity) == number
