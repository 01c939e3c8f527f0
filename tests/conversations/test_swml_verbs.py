"""Verbs of SWML on real calls, with real servers beside them: a payment, a transcription."""

from pathlib import Path
from typing import Any

import pytest

from sipagent.call.policy import Policy
from sipagent.config import Api, Log, Web
from sipagent.events import (
    CallStarted,
    DigitReceived,
    OutsideAsked,
    Said,
    SecureEntry,
    StepStarted,
    UserEvent,
    WebAsked,
)
from sipagent.testing.phone import Phone
from sipagent.testing.server import running
from sipagent.testing.sounding import dial, the
from sipagent.testing.vendors.deepgram import Deepgram
from sipagent.testing.vendors.socket_server import SocketServer
from sipagent.testing.voice import speak
from sipagent.testing.web_server import Answer, Question, WebServer

pytestmark = pytest.mark.slow
CARD = "5105105105105100"
PAY = """
version: 1.0.0
routes: [{to: "100"}]
sections:
  main:
    - record_call: {control_id: tape}
    - pay:
        payment_connector_url: URL/charge
        status_url: URL/status
        charge_amount: "12.50"
        security_code: "false"
        postal_code: "false"
        prompts:
          - {for: payment-card-number, actions: [{type: Say, phrase: Card.}]}
          - {for: payment-processing, actions: [{type: Play, phrase: "silence:0.1"}]}
          - {for: payment-completed, actions: [{type: Say, phrase: Thanks.}]}
    - user_event: {event: {result: "${pay_result}", token: "${vars.pay_payment_results}"}}
    - hangup
"""
TRANSCRIBED = """
version: 1.0.0
routes: [{to: "100"}]
sections:
  main:
    - answer
    - live_transcribe:
        action:
          start:
            lang: en-US
            direction: [remote-caller]
            webhook: URL/heard
            live_events: true
            vad_silence_ms: 500
    - sleep: 60000
"""


def told(web: WebServer, path: str) -> list[dict[str, Any]]:
    return [question.json for question in web.requests if question.path == path]


@pytest.mark.swml("verb", "pay", "over SIP: no digit in events, files, logs, audio")
async def test_a_card_typed_on_a_phone_is_charged_and_is_nowhere_else(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def connector(question: Question) -> Answer:
        return Answer(data={"charge_id": "ch_1"} if question.path == "/charge" else {})

    async with WebServer(connector) as web, Phone(user="alice") as phone:
        house = {"web": Web(allow=(web.place,)), "log": Log(personal=True)}
        plan = PAY.replace("URL", web.url)
        async with running(tmp_path / "server", plan, **house) as server:
            call = await phone.dial(server.uri("100"))
            await call.wait_answered()
            await server.until(lambda e: isinstance(e, SecureEntry) and e.change == "began")
            await call.press(CARD + "#", milliseconds=60)
            await server.wait_for(lambda: "expiration-date" in str(told(web, "/status")))
            await call.press("1230", milliseconds=60)
            await call.wait_ended(60)
            await server.ended()
            await server.idle()
            (charge,) = told(web, "/charge")
            assert charge["cardnumber"] == CARD and charge["expiry_month"] == "12"
            (event,) = [e for e in server.events if e.type == "user_event"]
            assert event.data["result"] == "success"
            assert event.data["token"]["payment_confirmation_code"] == "ch_1"
            digits = [e for e in server.events if isinstance(e, DigitReceived)]
            assert len(digits) == 21 and not any(e.digit for e in digits)
            assert any(isinstance(e, WebAsked) for e in server.events)
            assert told(web, "/status")[-1]["params"]["pay_result"] == "success"
            assert CARD[-8:] not in str(told(web, "/status"))
    for file in (tmp_path / "server").rglob("*"):
        if file.is_file():
            assert CARD[:8].encode() not in file.read_bytes(), file
    out, err = capfd.readouterr()
    assert CARD[:8] not in out + err


@pytest.mark.swml("verb", "live_transcribe", "over SIP, with hosted ears and a real webhook")
async def test_what_is_said_on_a_phone_reaches_the_webhook_while_the_call_goes_on(
    tmp_path: Path,
) -> None:
    words = "when are you open"
    async with (
        SocketServer(Deepgram(words)) as ears,
        WebServer(lambda question: Answer(data={})) as web,
        Phone(user="alice") as phone,
    ):
        house = {
            "web": Web(allow=(web.place,)),
            "providers": {
                "deepgram": {"kind": "deepgram", "base_url": ears.base_url, "api_key": "right"}
            },
        }
        plan = TRANSCRIBED.replace("URL", web.url)
        async with running(tmp_path, plan, **house) as server:
            call = await phone.dial(server.uri("100"))
            await call.wait_answered()
            await server.until(lambda e: isinstance(e, StepStarted) and e.verb == "sleep")
            await call.play(speak(words) + bytes(16_000))
            await server.wait_for(lambda: len(told(web, "/heard")) >= 2)
            await call.hangup()
            await server.ended()
            await server.wait_for(lambda: len(told(web, "/heard")) >= 3)
    states = [body["params"]["state"] for body in told(web, "/heard")]
    assert states == ["started", "utterance", "finished"]
    utterance = told(web, "/heard")[1]["params"]["utterance"]
    assert (utterance["role"], utterance["content"]) == ("remote-caller", words)


TALKS = """
routes: [{to: "100"}]
agents:
  desk:
    greeting: "Hello."
    silence_seconds: 600
    intents:
      note: {phrases: ["what is the news"], say: "Your table is ready."}
sections: {main: [answer, {ai: {agent: desk}}, hangup]}
"""
KITCHEN = """
routes: [{to: "200"}]
policy: {destinations: ["sip:waiter@127.0.0.1:*"]}
sections:
  main:
    - answer
    - execute_rpc:
        method: ai_message
        call_id: "${call.headers['X-Table']}"
        params: {role: user, message_text: what is the news, global_data: {table: 7}}
    - user_event: {event: {result: "${rpc_result}", why: "${rpc_failed_reason}"}}
    - execute_rpc: {method: ai_unhold, call_id: nobody}
    - user_event: {event: {result: "${rpc_result}", why: "${rpc_failed_reason}"}}
    - execute_rpc:
        method: dial
        params:
          devices: {type: phone, params: {to_number: "${call.headers['X-Waiter']}"}}
          dest_swml: '{"sections": {"main": ["answer", {"user_event": {"event": {"at": 7}}}]}}'
    - hangup
"""
WAITER = Policy(destinations=("sip:waiter@127.0.0.1:*",))


@pytest.mark.swml("verb", "execute_rpc", "over SIP: one call speaks to the agent of another, dials")
async def test_one_call_speaks_to_the_agent_of_another(tmp_path: Path) -> None:
    plans = {"talks": TALKS, "kitchen": KITCHEN}
    async with (
        Phone(user="alice") as alice,
        Phone(user="cook") as cook,
        Phone(user="waiter") as waiter,
        running(tmp_path, plans, api=Api(policy=WAITER)) as server,
    ):
        table = await dial(alice, server, "100")
        started = await the(server, CallStarted)
        await the(server, Said, text="Hello.")
        known = {"X-Table": started.swml_id}
        call = await cook.dial(server.uri("200"), headers=known | {"X-Waiter": waiter.uri})
        await call.wait_ended(50)
        await the(server, Said, text="Your table is ready.")
        asked = await the(server, OutsideAsked, verb="tell")
        assert asked.call_id == started.call_id and asked.by.startswith("call:")
        # a call made for the kitchen, that runs the document it was given
        await the(server, UserEvent, data={"at": 7})
        assert len(waiter.calls) == 1
        first, second, _ = (e.data for e in server.events if isinstance(e, UserEvent))
        assert first == {"result": "success", "why": ""}
        assert second == {"result": "failed", "why": "there is no such call"}
        await table.hangup()
        await server.idle()
