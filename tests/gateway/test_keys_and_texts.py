"""Keys and texts through a whole server: each on record by its way, read by whom it is for."""

import asyncio
from http import HTTPStatus
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import SecretStr

from sipagent.config import Media, Messages, SmsGateway, Trunk
from sipagent.config import Phone as Account
from sipagent.events import DigitReceived, LegChanged, MessageReceived, PolicyDecided, VerbDone
from sipagent.testing.baresip import Baresip
from sipagent.testing.call import PhoneCall
from sipagent.testing.phone import Phone
from sipagent.testing.server import Server, running
from sipagent.testing.signals import key_tones
from sipagent.testing.sms import SmsServer

PLAN = """
routes: [{to: "100"}]
agents:
  desk:
    greeting: "Hello."
    silence_seconds: 600
    tools: [send_sms]
    intents:
      hours: {phrases: ["what are your opening hours"], say: "Nine to five."}
      write:
        digits: "1"
        say: "It is on its way."
        do: {send_sms: {to_number: "+447700900123", body: "Your order is ready."}}
      steal: {digits: "2", do: {send_sms: {to_number: "+39899123456", body: "premium"}}}
policy: {destinations: ["+447700900*"]}
sections:
  main: [answer, {ai: {agent: desk}}]
"""
MENU = """
routes: [{to: "100"}]
policy: {destinations: ["sip:*@127.0.0.1:*"]}
sections:
  main:
    - answer
    - prompt: {play: "silence:1", max_digits: 4, initial_timeout: 20}
    - send_digits: "99#"
    - sleep: 300
    - hangup
"""


def digits(server: Server) -> list[tuple[str, str]]:
    return [(e.digit, e.method) for e in server.events if isinstance(e, DigitReceived)]


def said(text: str) -> Any:
    return lambda e: getattr(e, "text", None) == text


async def answered(phone: Phone, server: Server) -> PhoneCall:
    call = await phone.dial(server.uri("100"))
    await call.wait_answered()
    return call


async def confirmed(server: Server) -> None:
    await server.until(lambda e: isinstance(e, LegChanged) and e.state == "confirmed")


@pytest.mark.rfc("6086", "keys as INFO, application/dtmf, received and sent by a server")
async def test_keys_by_bare_info_are_read_and_answered_in_the_trunks_way(tmp_path: Path) -> None:
    pbx = Trunk(host="127.0.0.1", addresses=("127.0.0.1",), dtmf="info-dtmf")  # type: ignore[arg-type]
    async with running(tmp_path, MENU, trunks={"pbx": pbx}) as server, Phone() as phone:
        call = await answered(phone, server)
        await confirmed(server)
        for key in "12*0":
            assert await call.send_request("INFO", key.encode(), "application/dtmf") == 200
        assert await call.wait_for_digits(3, 20) == "99#"
        await server.ended()
        assert call.keys.infos == [("application/dtmf", k.encode()) for k in "99#"]
        assert digits(server) == [(key, "info") for key in "12*0"]


@pytest.mark.rfc("4733", "in-band tones recognised where no telephone-event was agreed")
async def test_keys_as_tones_drive_a_menu_and_are_answered_as_tones(tmp_path: Path) -> None:
    async with running(tmp_path, MENU) as server, Phone(events=None) as phone:
        call = await answered(phone, server)
        await confirmed(server)
        await call.play(key_tones("12*0", milliseconds=60) + bytes(8000))
        await server.ended()
        assert digits(server) == [(key, "inband") for key in "12*0"]


@pytest.mark.peer
@pytest.mark.rfc("6086", "keys as INFO, application/dtmf-relay, understood by baresip")
@pytest.mark.parametrize("mode", ["auto", "info"])
async def test_a_softphone_is_understood_and_understands(
    tmp_path: Path, mode: Literal["auto", "info"]
) -> None:
    media = Media(dtmf=mode)
    async with running(tmp_path, MENU, media=media) as server, Baresip() as phone:
        await phone.dial(server.uri("100"))
        await phone.wait_event("CALL_ESTABLISHED", timeout=20)
        await confirmed(server)
        await phone.press("47#1")
        await phone.wait_event("CALL_CLOSED", timeout=30)
        await server.ended()
        assert digits(server) == [(key, "rfc4733") for key in "47#1"]
        heard = [e.param for e in phone.events if e.type == "CALL_DTMF_START"]
        assert "".join(heard) == "99#"


@pytest.mark.rfc("3428", "MESSAGE within a call, to the agent")
async def test_what_the_caller_writes_in_the_call_the_agent_answers_aloud(tmp_path: Path) -> None:
    async with running(tmp_path, PLAN) as server, Phone(user="alice") as phone:
        call = await answered(phone, server)
        await server.until(said("Hello."))
        text = b"what are your opening hours"
        assert await call.send_request("MESSAGE", text, "text/plain") == 200
        assert await call.send_request("MESSAGE", b"<i/>", "text/html") == 415
        await server.until(said("Nine to five."))
        (got,) = [e for e in server.events if isinstance(e, MessageReceived)]
        assert (got.text, got.leg != "") == (text.decode(), True)
        await call.hangup()
        await server.ended()


@pytest.mark.rfc("3428", "MESSAGE outside the dialog of a live call, to its agent")
async def test_what_the_caller_writes_beside_the_call_reaches_the_same_agent(
    tmp_path: Path,
) -> None:
    async with (
        running(tmp_path, PLAN) as server,
        Phone(user="alice") as phone,
        Phone(user="bob") as stranger,
    ):
        call = await answered(phone, server)
        await server.until(said("Hello."))
        # somebody else's text is none of this call's
        assert await stranger.message(server.uri("100"), "what are your opening hours") == 202
        assert await stranger.message(server.uri("999"), "anybody?") == 404
        assert await phone.message(server.uri("100"), "what are your opening hours") == 200
        await server.until(said("Nine to five."))
        await call.hangup()
        await server.ended()
        texts = [e for e in server.events if isinstance(e, MessageReceived)]
        assert [(e.call_id != "", e.sender == phone.uri) for e in texts] == [
            (False, False),
            (True, True),
        ]


async def pressed(tmp_path: Path, key: str, **settings: Any) -> tuple[Server, VerbDone]:
    async with running(tmp_path, PLAN, **settings) as server, Phone(user="alice") as phone:
        call = await answered(phone, server)
        await server.until(said("Hello."))
        await call.press(key)
        done = await server.until(lambda e: isinstance(e, VerbDone) and e.verb == "send_sms")
        assert isinstance(done, VerbDone)
        await call.hangup()
        await server.ended()
        return server, done


@pytest.mark.rfc("3428", "MESSAGE sent by a trunk, with digest, and elsewhere")
async def test_an_agent_sends_a_text_by_the_trunk(tmp_path: Path) -> None:
    async with Phone(user="carrier") as carrier:
        trunk = Trunk(
            host="127.0.0.1",
            port=carrier.address[1],
            caller_id="+442079460018",
            from_domain="carrier.example",
        )
        _, done = await pressed(tmp_path, "1", trunks={"carrier": trunk})
        assert (done.ok, done.status, done.by) == (True, 200, "model")
        assert done.detail == "the text to +447700900123 was delivered"
        assert carrier.texts == ["Your order is ready."]
        (request,) = carrier.agent.texts
        assert request.get("From").startswith("<sip:+442079460018@carrier.example>")
        assert request.uri.startswith("sip:+447700900123@127.0.0.1")


async def test_a_text_to_a_number_the_policy_forbids_is_never_sent(tmp_path: Path) -> None:
    async with Phone(user="carrier") as carrier:
        trunk = Trunk(host="127.0.0.1", port=carrier.address[1])
        server, done = await pressed(tmp_path, "2", trunks={"carrier": trunk})
        assert (done.ok, done.status, carrier.texts) == (False, 403, [])
        assert any(isinstance(e, PolicyDecided) and not e.allowed for e in server.events)


async def test_an_agent_sends_a_text_by_an_http_service(tmp_path: Path) -> None:
    async with SmsServer([HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.CREATED]) as service:
        gateway = SmsGateway(
            url=service.url,  # type: ignore[arg-type]
            headers={"Authorization": SecretStr("Bearer s3cret")},
            body={"recipient": "{to}", "message": "{text}"},
        )
        server, done = await pressed(tmp_path, "1", messages=Messages(gateway=gateway))
    assert (done.ok, done.status) == (True, 202)
    assert done.detail == "the text to +447700900123 was accepted for delivery"
    first, second = service.requests
    assert first.json == {"recipient": "+447700900123", "message": "Your order is ready."}
    assert first.headers["authorization"] == "Bearer s3cret"
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]
    assert "s3cret" not in str(server.events)


@pytest.mark.rfc("3428", "MESSAGE to a registered phone, its answer relayed")
async def test_registered_phones_write_to_each_other(tmp_path: Path) -> None:
    accounts = {name: Account(password=SecretStr("pw")) for name in ("201", "202")}
    async with (
        running(tmp_path, PLAN, phones=accounts) as server,
        Phone(user="201", password="pw") as ann,
        Phone(user="202", password="pw") as bob,
    ):
        registrar = server.uri("x").replace("x@", "")
        await asyncio.gather(ann.register(registrar), bob.register(registrar))
        assert await ann.message(server.uri("202"), "Bist du da? Grüße") == 200
        assert bob.texts == ["Bist du da? Grüße"]
        await bob.register(registrar, expires=0)
        assert await ann.message(server.uri("202"), "and now?") == 480
