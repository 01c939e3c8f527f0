"""pay: what is typed reaches the connector, and nobody else has a digit of it."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest

from sipagent.call.cards import card_type
from sipagent.call.verb import Outcome
from sipagent.call.web import WebReply, WebRequest
from sipagent.events import DigitReceived
from sipagent.testing.fakes import FakeCall, FakeSounds, a_call
from sipagent.testing.posted import FakeWeb
from sipagent.testing.virtual import virtual_time
from sipagent.verbs import VERBS

CARD, AMEX = "4111111111111111", "378282246310005"
CONNECTOR, STATUS = "https://pay.example/charge", "https://status.example/"
DECLINED = WebReply(402, CONNECTOR, body=b'{"error_code": "declined", "error_message": "no funds"}')


async def pay(call: FakeCall, **arguments: Any) -> Outcome:
    given = {"payment_connector_url": CONNECTOR, "status_url": STATUS, **arguments}
    return await call.control().do(VERBS["pay"].model_validate(given))


def types(call: FakeCall, *entries: str, gap: float = 4.0) -> None:
    """Press the keys of each entry, so many seconds after the one before."""
    loop = asyncio.get_running_loop()
    for number, entry in enumerate(entries):
        for place, key in enumerate(entry):
            loop.call_later(2 + number * gap + place * 0.1, call.caller.far.press, key)


def charged(web: FakeWeb) -> list[Mapping[str, Any]]:
    bodies = (r.body for r in web.asked if r.url == CONNECTOR and r.body is not None)
    return [json.loads(body) for body in bodies]


def variables(call: FakeCall) -> dict[str, Any]:
    return dict(call.session.scope["vars"])


@pytest.mark.swml("verb", "pay", "what is typed reaches the connector alone")
@virtual_time
async def test_a_card_is_charged_and_no_digit_is_anywhere() -> None:
    web = FakeWeb({CONNECTOR: {"charge_id": "ch_1", "error_code": None, "error_message": None}})
    call = a_call(web=web)
    types(call, CARD + "#", "1229", "123", "90210#")
    outcome = await pay(
        call,
        charge_amount=12.5,
        description="hats",
        security_code="true",
        postal_code="true",
        timeout="5",
        parameters=[{"name": "shop", "value": "7"}],
    )
    assert (outcome.ok, outcome.detail) == (True, "the payment was made")
    (body,) = charged(web)
    assert {key: body[key] for key in ("cardnumber", "cvv", "postal_code")} == {
        "cardnumber": CARD,
        "cvv": "123",
        "postal_code": "90210",
    }
    assert (body["expiry_month"], body["expiry_year"], body["chargeAmount"]) == ("12", "29", "12.5")
    assert body["parameters"] == {"shop": "7"} and body["transaction_id"]
    values = variables(call)
    assert values["pay_result"] == "success"
    assert values["pay_payment_results"]["payment_confirmation_code"] == "ch_1"
    assert values["pay_payment_results"]["payment_card_type"] == "visa"
    await call.close()
    steps = [s for s in web.states(STATUS, "for") if s]
    assert steps == ["payment-card-number", "expiration-date", "security-code", "postal-code"]
    assert web.told(STATUS)[-1]["params"]["pay_result"] == "success"
    told = " ".join([repr(web.told(STATUS)), repr(values), repr(web.asked), repr(outcome)])
    told += " ".join(e.model_dump_json(exclude={"at", "t"}) for e in call.events)
    assert not any(digits in told for digits in (CARD, CARD[-4:], "1229", "90210"))
    assert all(e.hidden and not e.digit for e in call.all(DigitReceived))


@pytest.mark.swml("verb", "pay", "prompts by step, attempt, card type and error; max_attempts")
@virtual_time
async def test_the_plans_own_prompts_are_heard_where_they_fit() -> None:
    sounds, web = FakeSounds(), FakeWeb({CONNECTOR: {"token_id": "tok"}})
    call = a_call(web=web, sounds=sounds)
    prompts = [
        {"for": "payment-card-number", "actions": [{"type": "Say", "phrase": "card"}]},
        {
            "for": "payment-card-number",
            "attempts": "2 3",
            "error_type": "invalid-card-type timeout",
            "actions": [{"type": "Play", "phrase": "https://a.example/again.wav"}],
        },
        {
            "for": "security-code",
            "card_type": "amex",
            "actions": [{"type": "Say", "phrase": "four"}],
        },
    ]
    types(call, "6011111111111117#", AMEX + "#", "0130", "1234")
    outcome = await pay(call, prompts=prompts, max_attempts=3, postal_code=False)
    assert outcome.ok and variables(call)["pay_payment_results"]["payment_token"] == "tok"
    assert [url for url in sounds.loaded if "card," not in url][:2] == [
        "say:card",
        "https://a.example/again.wav",
    ]
    assert "say:four" in sounds.loaded
    assert charged(web)[0]["cvv"] == "1234"


@pytest.mark.swml("verb", "pay", "pay_result of what went wrong")
@pytest.mark.parametrize(
    ("entries", "arguments", "result"),
    [
        (("4111111111111112#",), {}, "too-many-failed-attempts"),
        (("*",), {}, "caller-interrupted-with-star"),
        ((CARD + "#", "12*"), {}, "caller-interrupted-with-star"),
        ((CARD + "#", "1320"), {}, "too-many-failed-attempts"),
        ((CARD + "#", "1229", "123"), {}, "payment-connector-error"),
    ],
)
def test_a_payment_that_fails_says_why(
    entries: tuple[str, ...], arguments: dict[str, Any], result: str
) -> None:
    @virtual_time
    async def run() -> None:
        web = FakeWeb({CONNECTOR: DECLINED})
        call = a_call(web=web)
        types(call, *entries)
        outcome = await pay(call, postal_code="12345", **arguments)
        assert not outcome.ok and variables(call)["pay_result"] == result
        if result == "payment-connector-error":
            results = variables(call)["pay_payment_results"]
            assert results["payment_error_code"] == "declined"
            assert charged(web)[0]["postal_code"] == "12345"
        else:
            assert charged(web) == []

    run()


@virtual_time
async def test_a_declined_card_may_be_followed_by_another() -> None:
    web = FakeWeb({CONNECTOR: [DECLINED, {"charge_id": "ch_2"}]})
    call = a_call(web=web)
    types(call, CARD + "#", "1229", "123", AMEX + "#", "1229", "1234", gap=6)
    outcome = await pay(call, postal_code=False, max_attempts=2)
    assert outcome.ok and [body["cardnumber"] for body in charged(web)] == [CARD, AMEX]
    assert charged(web)[0]["transaction_id"] != charged(web)[1]["transaction_id"]


class Slow:
    """A connector that takes its time."""

    def __init__(self) -> None:
        self.answered = False

    async def ask(self, request: WebRequest) -> WebReply:
        await asyncio.sleep(5)
        self.answered = True
        return WebReply(200, request.url, body=b"{}")


@virtual_time
async def test_a_charge_is_not_torn_off_by_a_hangup() -> None:
    web = Slow()
    call = a_call(web=web)
    types(call, CARD + "#", "1229")
    asyncio.get_running_loop().call_later(12, call.caller.hang_up_remotely)
    await pay(call, security_code=False, postal_code=False, status_url=None)
    assert variables(call)["pay_result"] == "caller-hung-up"
    await call.close()
    assert web.answered


@virtual_time
async def test_a_card_number_goes_nowhere_in_clear() -> None:
    call = a_call()
    outcome = await pay(call, payment_connector_url="http://pay.example/")
    assert not outcome.ok and "https" in outcome.detail


@pytest.mark.parametrize(
    ("digits", "kind"),
    [
        (CARD, "visa"),
        (AMEX, "amex"),
        ("5555555555554444", "mastercard"),
        ("2223003122003222", "mastercard"),
        ("6011111111111117", "discover"),
        ("3530111333300000", "jcb"),
        ("36227206271667", "diners-club"),
        ("6759649826438453", "maestro"),
        ("9999", None),
    ],
)
def test_a_card_is_known_by_how_its_number_begins(digits: str, kind: str | None) -> None:
    assert card_type(digits) == kind
