"""What stands in a Refer-To: for this caller's side to call, and from any far end to us."""

import pytest
from pydantic import SecretStr

from sipagent.call.numbers import NumberPlan
from sipagent.call.target import BadTarget
from sipagent.config import Phone, Settings, Sip, Trunk
from sipagent.worker.places import ServerPlaces

HERE = "192.0.2.1:5070"
SETTINGS = Settings(
    sip=Sip(public_address=HERE),
    phones={"201": Phone(password=SecretStr("x")), "202": Phone(password=SecretStr("x"))},
    trunks={
        "pbx": Trunk(host="pbx.example", numbers=NumberPlan(country="44", send="national")),
        "six": Trunk(host="2001:db8::1", port=5080),
    },
)
REMOTE = "sip:alice@far.example:5062"


def places(account: str | None = None, here: str = HERE) -> ServerPlaces:
    sip = Sip(public_address=here)
    return ServerPlaces(SETTINGS.model_copy(update={"sip": sip}), account, REMOTE)


@pytest.mark.parametrize(
    ("account", "target", "written"),
    [
        (None, "sip:sales@pbx.example", "sip:sales@pbx.example"),
        (None, "202", "sip:202@192.0.2.1:5070"),
        ("201", "sip:202@phones", "sip:202@192.0.2.1:5070"),
        ("201", "+44 20 7946 0018", "sip:+442079460018@192.0.2.1:5070"),
        ("pbx", "+442079460018", "sip:02079460018@pbx.example"),
        ("six", "tel:+442079460018", "sip:+442079460018@[2001:db8::1]:5080"),
        (None, "+442079460018", "sip:+442079460018@far.example:5062"),
    ],
)
def test_a_refer_to_is_a_uri_the_callers_side_can_call(
    account: str | None, target: str, written: str
) -> None:
    assert places(account).written(target) == written


@pytest.mark.parametrize(
    ("uri", "meant"),
    [
        ("sip:202@192.0.2.1:5070", "sip:202@phones"),
        ("sips:202@192.0.2.1:5070;transport=tls", "sip:202@phones"),
        ("sip:%32%30%32@192.0.2.1:5070", "sip:202@phones"),
        ("sip:+4420@192.0.2.1:5070", "tel:+4420"),
        ("tel:+44-20", "tel:+4420"),
        ("sip:100@192.0.2.1:5070", "sip:100@192.0.2.1:5070"),
        ("sip:202@192.0.2.1", "sip:202@192.0.2.1"),
        ("sip:sales@pbx.example", "sip:sales@pbx.example"),
    ],
)
def test_a_uri_at_our_own_address_is_a_phone_or_a_number(uri: str, meant: str) -> None:
    assert places().read(uri) == meant


def test_our_address_may_have_the_usual_port() -> None:
    assert places(here="192.0.2.1:5060").read("sip:202@192.0.2.1") == "sip:202@phones"


def test_what_nobody_can_call_is_no_place() -> None:
    with pytest.raises(BadTarget):
        places().read("mailto:somebody@x")


@pytest.mark.parametrize(
    ("uri", "ours"),
    [
        ("sip:w.abc@192.0.2.1:5070", True),
        ("sip:w.abc@192.0.2.1:5070;transport=tcp", True),
        ("sip:w.abc@192.0.2.1:50701", False),
        ("sip:w.abc@192.0.2.10:5070", False),
        ("sip:abc@192.0.2.1:5070", False),
        ("sip:w.abc@far.example", False),
    ],
)
def test_the_contact_of_a_conversation_of_ours_is_known(uri: str, ours: bool) -> None:
    assert places().is_ours(uri) is ours
