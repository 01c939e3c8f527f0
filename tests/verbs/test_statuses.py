"""Status URLs of verbs: what is posted, in the vendor's form, and when."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from sipagent.call.leg import ReferOutcome
from sipagent.call.services import Heard
from sipagent.call.verb import Outcome
from sipagent.testing.fakes import BUSY, FakeCall, FakeHearing, FakeSounds, Script, a_call
from sipagent.testing.posted import FakeWeb
from sipagent.testing.virtual import virtual_time
from sipagent.verbs import VERBS

URL = "https://status.example/"


async def do(call: FakeCall, verb: str, **arguments: Any) -> Outcome:
    return await call.control().do(VERBS[verb].model_validate(arguments))


def later(seconds: float, action: Any, *arguments: Any) -> None:
    asyncio.get_running_loop().call_later(seconds, action, *arguments)


@pytest.mark.swml("verb", "play", "status_url is told playing and finished")
@virtual_time
async def test_play_tells_that_it_plays_and_that_it_is_over() -> None:
    web = FakeWeb()
    call = a_call(web=web, sounds=FakeSounds(missing=["gone.wav"]))
    await do(call, "play", url="say:hello", status_url=URL)
    await do(call, "play", url="gone.wav", status_url=URL)
    await call.close()
    assert web.states(URL) == ["playing", "finished", "playing", "error"]
    first = web.told(URL)[0]
    assert first["event_type"] == "calling.call.play" and first["timestamp"] > 0
    assert first["params"]["call_id"] == "call-1" and first["params"]["control_id"] == "play-1"
    assert call.session.scope["vars"]["play_result"] == "failed"


@pytest.mark.swml("verb", "prompt", "status_url is told the digits or the words")
@virtual_time
async def test_prompt_tells_what_was_typed_or_said() -> None:
    web = FakeWeb()
    hearing = FakeHearing(None, Heard("sales", 0.9))
    call = a_call(web=web, hearing=hearing)
    later(1, call.caller.far.press, "4")
    await do(call, "prompt", play="silence:2", status_url=URL)
    await do(call, "prompt", play="silence:1", status_url=URL, initial_timeout=1)
    prompt = {"play": "silence:2", "speech_language": "it-IT", "speech_engine": "deepgram"}
    await do(call, "prompt", **prompt, status_url=URL, initial_timeout=20)
    await do(call, "prompt", **prompt, status_url=URL, initial_timeout=20)
    await call.close()
    results = web.states(URL, "result")
    assert results[0] == {"type": "digit", "params": {"digits": "4", "terminator": ""}}
    assert results[1] == {"type": "no_input"}
    assert {"type": "speech", "params": {"text": "sales", "confidence": 90}} in results
    assert hearing.wishes[0] == ("it-IT", "deepgram")
    assert web.told(URL)[0]["event_type"] == "calling.call.collect"


@pytest.mark.swml("verb", "record_call", "status_url is told recording and finished with the URL")
@virtual_time
async def test_a_recording_tells_where_it_is_when_the_call_is_over(tmp_path: Path) -> None:
    web = FakeWeb()
    call = a_call(web=web, bundle=tmp_path)
    await do(call, "record_call", control_id="r", status_url=URL, format="mp4")
    await do(call, "play", url="silence:2")
    await call.close()
    assert web.states(URL) == ["recording", "finished"]
    last = web.told(URL)[1]["params"]
    assert last["url"] == (tmp_path / "r.wav").as_uri() == last["record"]["url"]
    assert last["duration"] == pytest.approx(2, abs=0.1) and last["size"] > 0


@pytest.mark.swml("verb", "record", "input_sensitivity decides what is a voice")
@virtual_time
async def test_a_more_sensitive_recording_takes_softer_voices(tmp_path: Path) -> None:
    reasons = []
    for sensitivity in (44, 0):
        call = a_call(bundle=tmp_path, detector=lambda rate: Even(0.6))
        await do(call, "record", input_sensitivity=sensitivity, max_length=10)
        reasons.append(call.session.scope["vars"]["record_result"])
        await call.close()
    assert reasons == ["max_length", "no_voice"]


class Even:
    """A detector that is as sure of everything."""

    def __init__(self, probability: float) -> None:
        self._probability = probability

    def probability(self, pcm: bytes) -> float:
        return self._probability


@pytest.mark.swml("verb", "tap", "status_url is told tapping and finished with the device")
@virtual_time
async def test_a_tap_tells_where_it_goes_and_that_it_is_over() -> None:
    web = FakeWeb()
    call = a_call(web=web)
    verb = VERBS["tap"].model_validate({"uri": "rtp://10.0.0.5:4000", "status_url": URL})
    await verb.run(call.control())
    await do(call, "stop_tap")
    await call.close()
    assert web.states(URL) == ["tapping", "finished"]
    device = web.states(URL, "device")[0]
    assert device["type"] == "rtp" and device["params"]["addr"] == "10.0.0.5"


@pytest.mark.swml("verb", "stream", "bearer token, name and status_url with its method")
@virtual_time
async def test_a_stream_tells_by_get_and_shows_its_token_to_the_server_only() -> None:
    web = FakeWeb()
    call = a_call(web=web)
    verb = VERBS["stream"].model_validate(
        {
            "url": "wss://s.example/x?k=1",
            "name": "line",
            "track": "both_tracks",
            "authorization_bearer_token": "abc",
            "status_url": URL,
            "status_url_method": "GET",
        }
    )
    await verb.run(call.control())
    await call.close()
    assert [request.method for request in web.asked] == ["GET", "GET"]
    assert "params.state=streaming" in web.asked[0].url and "k=1" not in web.asked[0].url
    (wire,) = call.services.tap_wires.wires  # type: ignore[attr-defined]
    assert wire.order.bearer == "abc" and "abc" not in repr(wire.order)
    assert wire.order.tracks == ("speak", "listen") and wire.order.about["name"] == "line"


@pytest.mark.swml(
    "verb", "connect", "call_state_url is told of each leg, call_state_events of which"
)
@virtual_time
async def test_connect_tells_how_each_leg_fares() -> None:
    web = FakeWeb()
    scripts = {"sip:busy@a": BUSY, "sip:bob@a": Script(rings=1, answers=2)}
    call = a_call(web=web, scripts=scripts)
    events = ["created", "ringing", "answered", "ended"]
    later(20, call.caller.hang_up_remotely)
    await do(
        call,
        "connect",
        serial=[{"to": "sip:busy@a"}, {"to": "sip:bob@a", "call_state_events": events}],
        call_state_url=URL,
        codecs="OPUS,PCMA",
        encryption="mandatory",
    )
    await call.close()
    assert web.states(URL, "call_state") == ["ended", "created", "ringing", "answered", "ended"]
    busy, created = web.told(URL)[:2]
    assert busy["params"]["end_reason"] == "busy" and busy["params"]["sip_response_code"] == 486
    assert created["params"]["parent"]["call_id"] == "call-1"
    terms = call.dialer.dialled[0].terms
    assert terms.codecs == ("PCMA",) and terms.encryption == "required"


@pytest.mark.swml("verb", "sip_refer", "status_url and sip_refer_* variables")
@virtual_time
async def test_a_refer_tells_how_it_came_out() -> None:
    web = FakeWeb()
    call = a_call(web=web)
    call.caller.refer_outcome = ReferOutcome(486, "Busy Here")
    await do(call, "sip_refer", to_uri="sip:bob@a", status_url=URL)
    values = call.session.scope["vars"]
    await call.close()
    assert web.states(URL) == ["inProgress", "busy"]
    assert web.states(URL, "sip_notify_response_code")[1] == "486"
    assert values["sip_refer_result"] == "failed" and values["sip_refer_response_code"] == 486


@pytest.mark.swml("verb", "detect_machine", "status_url is told what was found")
@virtual_time
async def test_detection_tells_what_it_found() -> None:
    web = FakeWeb()
    call = a_call(web=web)
    later(1, lambda: asyncio.ensure_future(call.caller.far.speak(600)))
    await do(call, "detect_machine", status_url=URL)
    await call.close()
    events = [detect["params"]["event"] for detect in web.states(URL, "detect")]
    assert events == ["HUMAN", "finished"]
