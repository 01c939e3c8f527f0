"""Who is calling, by a trunk's rules."""

from typing import Any

import pytest

from sipagent.config import Trunk
from sipagent.worker.presenting import Presented, present

OWN = "+442079460018"


def trunk(**keys: Any) -> Trunk:
    return Trunk.model_validate({"host": "carrier.example", **keys})


@pytest.mark.parametrize(
    ("keys", "wanted", "shown"),
    [
        ({}, None, None),
        ({"caller_id": OWN}, None, OWN),
        ({"caller_id": OWN}, "+4420111", "+4420111"),
        ({"caller_id": OWN}, "sip:+4420111@pbx.example", "+4420111"),
        ({"caller_id": OWN, "from_domain": "me.example"}, None, f"<sip:{OWN}@me.example>"),
        ({"registration": True, "username": "7000"}, None, "<sip:7000@carrier.example>"),
        (
            {"registration": True, "username": "7000", "caller_id": OWN},
            None,
            f"<sip:{OWN}@carrier.example>",
        ),
        ({"from_domain": "2001:db8::1", "caller_id": "1"}, None, "<sip:1@[2001:db8::1]>"),
        ({"from_domain": "me.example", "caller_id": "a b@c"}, None, "<sip:a%20b%40c@me.example>"),
        ({"caller_id": OWN, "numbers": {"country": "44", "send": "national"}}, None, "02079460018"),
    ],
)
def test_from_is_the_trunks_unless_the_plan_says_another(
    keys: dict[str, Any], wanted: str | None, shown: str | None
) -> None:
    assert present(trunk(**keys), wanted, {}) == Presented(shown)


def test_a_number_that_is_not_permitted_gives_way_to_the_trunks_own() -> None:
    rules = trunk(caller_id=OWN, caller_ids=["+442079460*"], numbers={"country": "44"})
    assert present(rules, "020 7946 0099", {}).from_ == "+442079460099"
    assert present(rules, "+1 900 555 0199", {}).from_ == OWN
    assert present(rules, "anonymous@evil.example", {}).headers["Privacy"] == "id"


@pytest.mark.rfc("3325", "P-Asserted-Identity is sent to a trunk that wants it")
def test_an_identity_is_asserted_where_the_trunk_wants_one() -> None:
    shown = present(trunk(caller_id=OWN, assert_identity=True), None, {})
    assert shown.from_ == OWN
    assert shown.headers == {"P-Asserted-Identity": f"<sip:{OWN}@carrier.example>"}


@pytest.mark.parametrize(
    ("keys", "wanted"), [({"hide_caller": True}, None), ({}, "anonymous"), ({}, "Anonymous")]
)
@pytest.mark.rfc("3323", "a caller who hides is anonymous in From, with Privacy: id")
@pytest.mark.rfc("3325", "a hidden caller is asserted to the trunk alone")
def test_a_hidden_caller_is_known_to_the_trunk_only(
    keys: dict[str, Any], wanted: str | None
) -> None:
    shown = present(trunk(caller_id=OWN, **keys), wanted, {})
    assert shown.from_ == '"Anonymous" <sip:anonymous@anonymous.invalid>'
    assert shown.headers == {
        "P-Asserted-Identity": f"<sip:{OWN}@carrier.example>",
        "Privacy": "id",
    }


@pytest.mark.rfc("5806", "Diversion is passed on where the trunk's settings list it")
def test_only_the_headers_that_are_listed_are_passed_on() -> None:
    inherited = {"Diversion": "<sip:+4420@a>;reason=no-answer", "X-Secret": "1"}
    shown = present(trunk(pass_headers=["diversion"]), None, inherited)
    assert shown.headers == {"Diversion": inherited["Diversion"]}
