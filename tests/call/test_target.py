"""One form for every way to write a destination."""

import pytest

from sipagent.call.target import BadTarget, normalise


@pytest.mark.parametrize(
    ("written", "known"),
    [
        ("sip:Sales@PBX.Example", "sip:Sales@pbx.example"),
        ("SIP:sales@pbx.example:5060;transport=tcp", "sip:sales@pbx.example"),
        ("sip:sales@pbx.example:5070", "sip:sales@pbx.example:5070"),
        ("sales@pbx.example", "sip:sales@pbx.example"),
        ("sip:%73ales@pbx.example", "sip:sales@pbx.example"),
        ("sip:sales:secret@pbx.example", "sip:sales@pbx.example"),
        ("sip:sales@pbx.example?Replaces=x", "sip:sales@pbx.example"),
        ("sip:a@[2001:DB8::1]:5061", "sip:a@[2001:db8::1]:5061"),
        ("+44 (20) 7946-0018", "tel:+442079460018"),
        ("tel:+44-20-7946-0018;ext=1", "tel:+442079460018"),
        ("tel:100", "tel:100"),
    ],
)
def test_a_destination_has_one_form(written: str, known: str) -> None:
    assert normalise(written) == known


@pytest.mark.parametrize("written", ["201", " 2 0-1", "tel:201", "sip:201@phones", "201@Phones"])
def test_a_number_that_is_a_phone_of_ours_is_that_phone(written: str) -> None:
    assert normalise(written, {"201"}) == "sip:201@phones"


@pytest.mark.parametrize(
    ("written", "known"),
    [("+201", "tel:+201"), ("2011", "tel:2011"), ("sip:201@pbx.example", "sip:201@pbx.example")],
)
def test_what_only_looks_like_a_phone_is_none(written: str, known: str) -> None:
    assert normalise(written, {"201"}) == known


@pytest.mark.parametrize(
    "written",
    ["", "sales", "http://pbx.example", "sip:", "sip:a@b:99999", "sip:a%0d%0aX: y@b", "sip:%40@b"],
)
def test_what_nobody_could_call_is_refused(written: str) -> None:
    with pytest.raises(BadTarget):
        normalise(written)
