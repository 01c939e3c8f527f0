"""Verbs that reach other calls and programs, and those that say that they cannot."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from sipagent.call.policy import Policy
from sipagent.call.services import TalkEnd
from sipagent.call.verb import Outcome
from sipagent.errors import CallError
from sipagent.events import UserEvent, personal_fields
from sipagent.media.port import AudioPort
from sipagent.testing.fakes import FakeCall, FakeTalkers, ScriptedBrain, a_call
from sipagent.testing.posted import FakeWeb
from sipagent.testing.talk import a_talk
from sipagent.testing.virtual import virtual_time
from sipagent.verbs import VERBS


async def do(call: FakeCall, verb: str, **arguments: Any) -> Outcome:
    return await call.control().do(VERBS[verb].model_validate(arguments))


def variables(call: FakeCall) -> dict[str, Any]:
    return dict(call.session.scope["vars"])


def held(call: FakeCall) -> bool:
    return call.session.hold is not None


class Others:
    """The other calls of a house."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str | None, Mapping[str, Any]]] = []

    async def execute(
        self, method: str, call_id: str | None, params: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        self.asked.append((method, call_id, params))
        if call_id == "gone":
            raise CallError("there is no such call")
        return {"call_id": call_id or "new"}


@pytest.mark.swml("verb", "user_event", "the event is on record")
@virtual_time
async def test_an_event_of_the_plans_own_is_on_record_and_personal() -> None:
    call = a_call()
    assert (await do(call, "user_event", event={"type": "cart", "items": [1]})).ok
    assert call.all(UserEvent)[0].data == {"type": "cart", "items": [1]}
    assert personal_fields(UserEvent) == {"data"}


@pytest.mark.swml("verb", "execute_rpc", "ai_message to the agent of this call, with global data")
@virtual_time
async def test_a_message_by_rpc_is_answered_by_the_agent_of_the_call() -> None:
    brain = ScriptedBrain("Your taxi is here.")
    async with a_talk(brain=brain) as talk:
        await talk.until(100)
        params = {"role": "system", "message_text": "The taxi came.", "global_data": {"taxi": 1}}
        outcome = await do(talk.call, "execute_rpc", method="ai_message", params=params)
        assert outcome.ok
        await talk.until(3000)
        assert talk.said[-1] == ("agent", "Your taxi is here.")
        assert talk.call.session.scope["global_data"]["taxi"] == 1


@pytest.mark.swml("verb", "execute_rpc", "ai_hold and ai_unhold of this call, other calls by id")
@virtual_time
async def test_a_call_is_held_and_taken_back_by_rpc_here_or_elsewhere() -> None:
    others = Others()
    call = a_call(others=others)
    assert (await do(call, "execute_rpc", method="ai_hold", call_id="call-1")).ok
    assert held(call)
    assert (await do(call, "execute_rpc", method="ai_unhold", node_id="n")).ok
    assert not held(call)
    assert (await do(call, "execute_rpc", method="ai_unhold", call_id="call-2")).ok
    assert others.asked == [("ai_unhold", "call-2", {})]
    assert variables(call)["rpc_call_id"] == "call-2"
    assert not (await do(call, "execute_rpc", method="ai_unhold", call_id="gone")).ok
    assert variables(call)["rpc_failed_reason"] == "there is no such call"
    assert not (await do(call, "execute_rpc", method="ai_message", params={"message_text": 3})).ok


@pytest.mark.swml("verb", "execute_rpc", "dial, as the SDK's rpc_dial writes it, within policy")
@virtual_time
async def test_a_new_call_by_rpc_is_judged_by_whom_it_reaches() -> None:
    others = Others()
    call = a_call(others=others)
    devices = {"type": "phone", "params": {"to_number": "+15551", "from_number": "+15552"}}
    dial = {"method": "dial", "params": {"devices": devices, "dest_swml": "https://a.example/"}}
    assert (await do(call, "execute_rpc", **dial)).ok
    wish = {"to": "+15551", "from": "+15552", "dest_swml": "https://a.example/"}
    assert others.asked == [("dial", None, wish)]
    verb = VERBS["execute_rpc"].model_validate(dial)
    refused = await call.control("dialplan", Policy(destinations=("+44*",))).do(verb)
    assert refused.status == 403 and len(others.asked) == 1
    assert not (await do(call, "execute_rpc", method="dial", params={})).ok


@pytest.mark.swml("verb", "send_fax", "a clear unsupported outcome")
@pytest.mark.swml("verb", "receive_fax", "a clear unsupported outcome")
@virtual_time
async def test_a_fax_fails_in_words_and_the_plan_goes_on() -> None:
    web = FakeWeb()
    call = a_call(web=web)
    url = "https://status.example/"
    sent = await do(call, "send_fax", document="https://a.example/x.pdf", status_url=url)
    received = await do(call, "receive_fax")
    assert (sent.ok, sent.status, received.ok) == (False, 501, False)
    assert "T.38" in sent.detail and variables(call)["send_fax_result"] == "failed"
    await call.close()
    assert web.states(url, "fax")[0]["type"] == "error"


class Silent:
    """A talker that is done at once."""

    async def run(self, port: AudioPort, control: Any) -> TalkEnd | None:
        return None


@pytest.mark.swml("verb", "amazon_bedrock", "runs as ai, by a model of sipagent.yaml")
@virtual_time
async def test_an_agent_for_bedrock_is_an_agent_with_another_model() -> None:
    talkers = FakeTalkers({"inline": Silent()})
    call = a_call(talkers=talkers)
    prompt = {"text": "You sell hats.", "voice_id": "tiffany", "temperature": 0.3}
    assert (await do(call, "amazon_bedrock", prompt=prompt, SWAIG={"functions": []})).ok
    (given,) = talkers.opened
    assert isinstance(given, Mapping)
    assert given["prompt"] == {"text": "You sell hats.", "temperature": 0.3}
    assert given["languages"][0]["voice"] == "tiffany"


@pytest.mark.swml("verb", "denoise", "what agents hear is treated, from now on and later")
@pytest.mark.swml("verb", "stop_denoise", "the call is heard as it is again")
@virtual_time
async def test_who_listens_is_spared_the_noise_until_that_is_stopped() -> None:
    ports: list[AudioPort] = []

    class Listener:
        async def run(self, port: AudioPort, control: Any) -> TalkEnd | None:
            ports.append(port)
            await asyncio.sleep(10)
            return None

    call = a_call(talkers=FakeTalkers({"inline": Listener()}))
    await do(call, "denoise")
    talk = asyncio.ensure_future(do(call, "ai", prompt={"text": "x"}))
    await asyncio.sleep(1)
    treated = [ports[0].treat is not None]
    for verb in ("stop_denoise", "denoise"):
        await do(call, verb)
        treated.append(ports[0].treat is not None)
    assert treated == [True, False, True]
    await talk
