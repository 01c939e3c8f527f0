"""Toll fraud: what may be called, by whomever; IPv6 destinations; minutes of a whole call."""

from datetime import UTC, datetime, time
from typing import Any, ClassVar

import pytest
from pydantic import ValidationError

from sipagent.call.classes import NumberClass, class_of
from sipagent.call.control import CallControl
from sipagent.call.numbers import NumberPlan
from sipagent.call.policy import Hours, Policy
from sipagent.call.toll import Toll, TollPolicy
from sipagent.call.verb import Outcome, Verb
from sipagent.config import Guard, Settings, Trunk

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
MIDNIGHT = datetime(2026, 1, 5, 0, 30, tzinfo=UTC)
BRITISH = NumberPlan(country="44")
AMERICAN = NumberPlan(country="1", national="1", international=("011",))


class Dial(Verb):
    name: ClassVar[str] = "dial"
    to: str

    @property
    def targets(self) -> tuple[str, ...]:
        return (self.to,)

    async def run(self, control: CallControl) -> Outcome:
        return Outcome()


@pytest.mark.parametrize(
    ("number", "homes", "kind"),
    [
        ("+442079460018", ["44"], NumberClass.NATIONAL),
        ("+442079460018", [], NumberClass.NATIONAL),
        ("+442079460018", ["39"], NumberClass.INTERNATIONAL),
        ("+449098790000", ["44"], NumberClass.PREMIUM),
        ("+447012345678", ["44"], NumberClass.PREMIUM),
        ("+881612345678", ["44"], NumberClass.SATELLITE),
        ("+870773111111", [], NumberClass.SATELLITE),
        ("+97912345678", [], NumberClass.PREMIUM),
        ("+19005551234", ["1"], NumberClass.PREMIUM),
        ("+12025550123", ["1"], NumberClass.NATIONAL),
        ("+18765551234", ["1"], NumberClass.INTERNATIONAL),
        ("+2473123", ["1", "44"], NumberClass.INTERNATIONAL),
        ("+390236618300", ["39", "44"], NumberClass.NATIONAL),
        ("+39899123456", ["39"], NumberClass.PREMIUM),
    ],
)
def test_numbers_have_a_class(number: str, homes: list[str], kind: NumberClass) -> None:
    assert class_of(number, homes) is kind


def policy(plan: NumberPlan = BRITISH, **rules: Any) -> TollPolicy:
    hosts = frozenset({"carrier.example", "[2001:db8::5]"})
    return TollPolicy(toll=Toll(**rules), plans=(plan,), hosts=hosts)


@pytest.mark.parametrize(
    "target",
    [
        "+390236618300",
        "00390236618300",
        "tel:+39-02-366.18300",
        "tel:0039(02)36618300;phone-context=+44",
        "sip:+390236618300@anywhere.example",
        "sip:00390236618300@carrier.example",
        "sip:%2b390236618300@carrier.example:5070;user=phone",
        "sip:*67*00390236618300@carrier.example",
        "sip:00-39-0236618300@carrier.example",
        "sip:0039-0236618300@[2001:DB8:0::5]",
        "09098790000",
        "+881612345678",
        "sip:09098790000@carrier.example",
    ],
)
def test_what_is_dear_is_refused_however_it_is_written(target: str) -> None:
    decision = policy().decide(Dial(to=target), "model", done={}, now=NOON)
    assert not decision.allowed
    assert "not allowed" in decision.reason


@pytest.mark.parametrize(
    "target",
    [
        "+442079460018",
        "02079460018",
        "999",
        "sip:02079460018@carrier.example",
        "sip:sales@carrier.example",
        "sip:7000@carrier.example",
        "sip:alice@anywhere.example",
        "sip:0090@pbx.example",
        "sip:201@phones",
    ],
)
def test_what_costs_little_may_be_called(target: str) -> None:
    assert policy().decide(Dial(to=target), "model", done={}, now=NOON).allowed


def test_an_american_plan_has_its_own_way_abroad() -> None:
    rules = policy(AMERICAN)
    assert not rules.reaches("011442079460018")
    assert not rules.reaches("18765551234")
    assert not rules.reaches("1-900-555-1234")
    assert rules.reaches("2025550123")


def test_classes_and_prefixes_can_be_allowed_and_prefixes_denied() -> None:
    rules = policy(allow=["national", "+39", "satellite"], deny=["+4487", "+39899"])
    assert rules.reaches("+390236618300")
    assert rules.reaches("+881612345678")
    assert not rules.reaches("+33123456789")
    assert not rules.reaches("+448712345678")
    assert not rules.reaches("+39899123456")
    with pytest.raises(ValidationError, match="neither a class"):
        Toll(allow=("internationl",))


def test_at_night_only_what_is_listed_may_be_called() -> None:
    night = Hours(start=time(22), end=time(6))
    rules = policy(night=night, night_allow=["+4420"], allow=["national", "international"])
    for target, allowed in (("+442079460018", True), ("+441619460018", False)):
        assert rules.decide(Dial(to=target), "model", done={}, now=MIDNIGHT).allowed is allowed
        assert rules.decide(Dial(to=target), "model", done={}, now=NOON).allowed
    assert rules.decide(Dial(to="sip:sales@pbx.example"), "model", done={}, now=MIDNIGHT).allowed


def test_home_is_where_the_trunks_are_unless_it_is_said() -> None:
    trunk = Trunk(host="carrier.example", numbers=NumberPlan(country="39"))
    assert Settings(trunks={"c": trunk}).toll_policy.reaches("+390236618300")
    assert not Settings(trunks={"c": trunk}).toll_policy.reaches("+442079460018")
    said = Settings(trunks={"c": trunk}, guard=Guard(toll=Toll(home=("39", "44"))))
    assert said.toll_policy.reaches("+442079460018")


@pytest.mark.parametrize(
    ("pattern", "target", "allowed"),
    [
        ("sip:*@[2001:db8::1]", "sip:sales@[2001:db8::1]", True),
        ("*@[2001:db8::1]", "sip:sales@[2001:DB8:0:0::1]", True),
        ("sip:*@[2001:DB8:0::1]", "sip:sales@[2001:db8::1]:5060", True),
        ("sip:*@[2001:db8:*]", "sip:sales@[2001:db8:7::1]", True),
        ("sip:*@[2001:db8::1]", "sip:sales@[2001:db8::2]", False),
        ("sip:*@[2001:db8::1]", "sip:sales@2", False),
        ("sip:*@[::1]", "sip:sales@[::1]:5070", False),
        ("sip:*@[::1]:*", "sip:sales@[::1]:5070", True),
        ("sip:[ab]*@pbx.example", "sip:alice@pbx.example", True),
    ],
)
def test_an_ipv6_destination_matches_its_pattern(pattern: str, target: str, allowed: bool) -> None:
    rules = Policy(destinations=(pattern,))
    assert rules.decide(Dial(to=target), "model", done={}, now=NOON).allowed is allowed


def test_outbound_minutes_are_those_of_the_whole_call() -> None:
    rules = Policy(destinations=("*",), limits={"outbound_minutes": 2})
    dial = Dial(to="sip:a@b")
    assert rules.decide(dial, "model", done={"outbound_seconds": 119}, now=NOON).allowed
    assert rules.outbound_seconds_left({"outbound_seconds": 119}) == 1
    refused = rules.decide(dial, "model", done={"outbound_seconds": 120}, now=NOON)
    assert (refused.allowed, "used up" in refused.reason) == (False, True)
