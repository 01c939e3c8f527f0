"""Texts by an HTTP service: sent once, tried again only where it was surely not taken."""

from http import HTTPStatus
from typing import Any

import pytest

from sipagent.config import SmsGateway
from sipagent.providers.sms import HttpSms, SmsFailed
from sipagent.testing.ports import free_port
from sipagent.testing.sms import SmsServer


def sms(url: str, **more: Any) -> HttpSms:
    return HttpSms(SmsGateway(url=url, **more), pause=0.01)  # type: ignore[arg-type]


async def test_a_text_is_filled_into_the_body_and_nothing_of_it_is_filled_twice() -> None:
    async with SmsServer() as service:
        assert await sms(service.url).send("+44123", "100", "{to} says {text}") == 202
        (request,) = service.requests
        assert request.json == {"to": "+44123", "from": "100", "text": "{to} says {text}"}


async def test_a_form_is_sent_where_the_service_wants_one() -> None:
    async with SmsServer() as service:
        await sms(service.url, encoding="form", body={"To": "{to}", "Body": "{text}"}).send(
            "+44123", "", "50 % & more"
        )
        assert service.requests[0].form == {"To": ["+44123"], "Body": ["50 % & more"]}


async def test_a_busy_service_is_asked_again_and_then_no_more() -> None:
    async with SmsServer([HTTPStatus.TOO_MANY_REQUESTS]) as service:
        with pytest.raises(SmsFailed, match="busy") as failed:
            await sms(service.url, attempts=3).send("1", "2", "x")
        assert (failed.value.status, len(service.requests)) == (503, 3)


async def test_a_refusal_is_final() -> None:
    async with SmsServer([HTTPStatus.BAD_REQUEST]) as service:
        with pytest.raises(SmsFailed, match="refused the text \\(400\\)") as failed:
            await sms(service.url).send("1", "2", "x")
        assert (failed.value.status, len(service.requests)) == (502, 1)


async def test_a_text_that_may_have_been_taken_is_not_sent_again() -> None:
    async with SmsServer([None]) as service:
        with pytest.raises(SmsFailed, match="not known") as failed:
            await sms(service.url, timeout=0.3).send("1", "2", "x")
        assert (failed.value.status, len(service.requests)) == (504, 1)


async def test_a_service_that_is_not_there_cannot_be_reached() -> None:
    with pytest.raises(SmsFailed, match="cannot be reached") as failed:
        await sms(f"http://127.0.0.1:{free_port()}/", attempts=2).send("1", "2", "x")
    assert failed.value.status == 503
