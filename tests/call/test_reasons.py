"""Reason headers: written, read, and what is none (RFC 3326)."""

import pytest

from sipagent.call.reasons import BUSY, ELSEWHERE, Reason, parse


@pytest.mark.parametrize("reason", [BUSY, ELSEWHERE, Reason("SIP", 302)])
def test_what_is_written_is_read_again(reason: Reason) -> None:
    assert parse(str(reason)) == reason


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ('Q.850 ; cause = 16 ; text = "Normal"', Reason("Q.850", 16, "Normal")),
        ('SIP;text="say \\"no\\"";cause=603', Reason("SIP", 603, 'say "no"')),
        ("Q.850;cause=16;x=y, SIP;cause=200", Reason("Q.850", 16)),
        ("Normal Clearing", None),
        ("SIP;text=only", None),
        ("", None),
    ],
)
def test_the_first_value_counts_and_a_phrase_is_none(value: str, read: Reason | None) -> None:
    assert parse(value) == read


def test_no_text_breaks_out_of_its_quotes() -> None:
    assert str(Reason("SIP", 500, 'a"\r\nVia: b\\')) == 'SIP;cause=500;text="aVia: b"'


def test_people_read_it_in_words() -> None:
    assert BUSY.words == "Q.850 17, User busy"
