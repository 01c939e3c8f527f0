"""Deny by default, judged on the normalised target."""

from datetime import UTC, datetime, time
from typing import ClassVar

import pytest

from sipagent.call.control import CallControl
from sipagent.call.policy import Hours, Policy, strictest
from sipagent.call.verb import Outcome, Verb

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


class Dial(Verb):
    name: ClassVar[str] = "dial"
    to: str

    @property
    def targets(self) -> tuple[str, ...]:
        return (self.to,)

    async def run(self, control: CallControl) -> Outcome:
        return Outcome()


@pytest.mark.parametrize(
    ("pattern", "target", "allowed"),
    [
        ("sip:*@pbx.example", "sip:sales@PBX.example:5060", True),
        ("*@pbx.example", "sip:sales@pbx.example", True),
        ("sip:*@pbx.example", "sip:sales@pbx.example.evil.test", False),
        ("sip:*@pbx.example", "sip:x@evil.test?Route=@pbx.example", False),
        ("+44*", "+44 20 7946 0018", True),
        ("+44*", "+1 900 555 1234", False),
        ("+44*", "sip:+44207946@evil.test", False),
        ("*", "tel:+19005551234", True),
    ],
)
def test_a_destination_must_match_a_pattern(pattern: str, target: str, allowed: bool) -> None:
    policy = Policy(destinations=(pattern,))
    decision = policy.decide(Dial(to=target), "model", done={}, now=NOON)
    assert decision.allowed is allowed


@pytest.mark.parametrize(
    ("pattern", "target", "allowed"),
    [
        ("sip:*@phones", "201", True),
        ("sip:2*@phones", "tel:201", True),
        ("sip:201@phones", "sip:201@phones", True),
        ("sip:*@phones", "301", False),
        ("sip:*@phones", "sip:201@phones.example", False),
        ("sip:*@phones", "sip:201@phones:5070", False),
        ("tel:2*", "201", False),
    ],
)
def test_a_phone_of_ours_is_permitted_as_a_phone(pattern: str, target: str, allowed: bool) -> None:
    decided = Policy(destinations=(pattern,)).decide(
        Dial(to=target), "model", done={}, now=NOON, extensions={"201", "202"}
    )
    assert decided.allowed is allowed


def test_no_pattern_means_no_destination() -> None:
    decision = Policy().decide(Dial(to="sip:a@b"), "dialplan", done={}, now=NOON)
    assert not decision.allowed
    assert "sip:a@b is not an allowed destination" in decision.reason


def test_a_verb_is_counted_and_has_its_hours() -> None:
    policy = Policy(
        destinations=("*",),
        limits={"dial": 2},
        hours={"dial": Hours(start=time(22), end=time(6))},
    )
    dial, midnight = Dial(to="sip:a@b"), NOON.replace(hour=23)
    assert policy.decide(dial, "model", done={"dial": 1}, now=midnight).allowed
    assert "2 times" in policy.decide(dial, "model", done={"dial": 2}, now=midnight).reason
    assert "22:00" in policy.decide(dial, "model", done={}, now=NOON).reason


def test_the_caller_is_asked_only_for_the_model() -> None:
    policy = Policy(destinations=("*",), confirm=frozenset({"dial"}))
    dial = Dial(to="sip:a@b")
    assert policy.decide(dial, "model", done={}, now=NOON).confirm
    assert not policy.decide(dial, "dialplan", done={}, now=NOON).confirm


def test_every_policy_must_allow() -> None:
    wide, narrow = Policy(destinations=("*",)), Policy(destinations=("+44*",))
    dial = Dial(to="sip:a@b")
    assert strictest([wide], dial, "model", done={}, now=NOON).allowed
    assert not strictest([wide, narrow], dial, "model", done={}, now=NOON).allowed
