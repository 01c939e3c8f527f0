"""Which calls a route takes, and which of several wins."""

from datetime import UTC, datetime
from typing import Any

import pytest

from sipagent.dialplan.routes import Asked, Route, fits, match, specificity

MONDAY = datetime(2026, 1, 5, 10, 0, tzinfo=UTC)
SUNDAY = datetime(2026, 1, 4, 10, 0, tzinfo=UTC)


def asked(to: str = "100", caller: str = "sip:alice@pbx.example", **more: Any) -> Asked:
    known: dict[str, Any] = {"now": MONDAY, "headers": {}} | more
    return Asked(to, caller, **known)


@pytest.mark.parametrize(
    ("pattern", "value", "expected"),
    [
        ("100", "100", True),
        ("100", "sip:100@host;user=phone", True),
        ("100", "1000", False),
        ("1XX", "142", True),
        ("1XX", "14a", False),
        ("+44*", "+442071234567", True),
        ("+44*", "tel:+442071234567", True),
        ("*", "anybody", True),
        ("sales*", "sales-eu", True),
        ("Xavier", "Xavier", True),
        ("Xavier", "1avier", False),
        (r"\*97", "*97", True),
        (r"\*97", "597", False),
        ("*@pbx.example", "sip:bob@pbx.example", True),
        ("*@pbx.example", "sip:bob@pbx.example.evil", False),
    ],
)
def test_patterns(pattern: str, value: str, expected: bool) -> None:
    assert fits(pattern, value) is expected


def test_the_more_a_pattern_pins_down_the_more_specific_it_is() -> None:
    patterns = ["*", "1*", "1XX", "10X", "100"]
    assert sorted(patterns, key=specificity) == patterns


def test_a_number_in_yaml_is_a_pattern_as_written() -> None:
    assert Route.model_validate({"to": 100}).to == ("100",)


def test_a_route_says_why_it_matched() -> None:
    route = Route.model_validate({"to": "1XX", "from": "alice", "trunk": "carrier"})
    found = match(route, asked(trunk="carrier"))
    assert found.score is not None
    assert found.why == "to 1XX, from alice, trunk carrier"


@pytest.mark.parametrize(
    ("route", "more", "why"),
    [
        ({"to": "200"}, {}, "to 100 does not match 200"),
        ({"from": "bob"}, {}, "from alice does not match bob"),
        ({"headers": {"X-Lang": "de"}}, {"headers": {"x-lang": "fr"}}, "header X-Lang does not"),
        ({"trunk": "carrier"}, {}, "trunk is none, not carrier"),
        ({"when": {"start": "09:00", "end": "17:00", "days": "mon-fri"}}, {"now": SUNDAY}, "hours"),
        ({"when": {"start": "12:00", "end": "17:00"}}, {}, "Mon 10:00 is outside"),
    ],
)
def test_a_route_says_why_it_did_not_match(route: Any, more: Any, why: str) -> None:
    found = match(Route.model_validate(route), asked(**more))
    assert found.score is None
    assert why in found.why


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ("mon-fri", {0, 1, 2, 3, 4}),
        ("sat-mon", {5, 6, 0}),
        (["sat", "sun"], {5, 6}),
        ("wed", {2}),
    ],
)
def test_days_by_name(days: Any, expected: set[int]) -> None:
    window = {"start": "09:00", "end": "17:00", "days": days}
    assert Route.model_validate({"when": window}).when[0].days == expected
