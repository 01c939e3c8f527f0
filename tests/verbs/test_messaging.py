"""send_sms: judged like any destination, and told how it came out."""

import pytest

from sipagent.call.policy import Policy
from sipagent.errors import LegFailed
from sipagent.testing.fakes import FakeTexts, a_call
from sipagent.testing.virtual import virtual_time
from sipagent.verbs import VERBS


def sms(to: str = "+44 20 7946 0018", **more: object) -> object:
    return VERBS["send_sms"].model_validate({"to_number": to, "body": "hello", **more})


@virtual_time
async def test_a_text_is_sent_and_the_plan_knows() -> None:
    texts = FakeTexts()
    call = a_call(texts=texts)
    outcome = await call.control().do(sms(from_number="100"))  # type: ignore[arg-type]
    assert (outcome.ok, outcome.status) == (True, 202)
    assert outcome.detail == "the text to +442079460018 was accepted for delivery"
    assert texts.sent == [("tel:+442079460018", "hello", "100")]
    assert call.session.scope["vars"]["send_sms_result"] == "success"
    await call.close()


@virtual_time
@pytest.mark.parametrize(
    ("status", "words"),
    [
        (480, "480 Temporarily Unavailable: bob is not available"),
        (405, "405 No Way: bob takes no text messages"),
        (486, "486 Busy Here: bob did not take the text"),
    ],
)
async def test_what_became_of_it_is_told_in_words(status: int, words: str) -> None:
    call = a_call(texts=FakeTexts(LegFailed(status, "No Way")))
    outcome = await call.control("model").do(sms("sip:bob@pbx.example"))  # type: ignore[arg-type]
    assert (outcome.ok, outcome.status, outcome.detail) == (False, status, words)
    assert call.session.scope["vars"]["send_sms_result"] == "failed"
    await call.close()


@virtual_time
async def test_a_number_the_policy_does_not_list_gets_no_text() -> None:
    texts = FakeTexts()
    call = a_call(texts=texts)
    control = call.control("model", Policy(destinations=("+44*",)))
    assert (await control.do(sms("+39 899 123456"))).status == 403  # type: ignore[arg-type]
    assert texts.sent == []
    await call.close()


@pytest.mark.swml("verb", "send_sms", "media: the addresses are sent in the text")
@virtual_time
async def test_media_are_sent_as_addresses_in_the_text() -> None:
    texts = FakeTexts()
    call = a_call(texts=texts)
    media = {"to_number": "+15551", "media": ["https://a.example/menu.pdf"]}
    assert (await call.control().do(VERBS["send_sms"].model_validate(media))).ok
    assert texts.sent[0][1] == "https://a.example/menu.pdf"
    with pytest.raises(ValueError, match="needs body, or media"):
        VERBS["send_sms"].model_validate({"to_number": "+15551"})
