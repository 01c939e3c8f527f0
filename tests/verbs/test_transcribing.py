"""Transcription: both sides are taken down, told as they speak and once more at the end."""

import asyncio
from typing import Any

import pytest

from sipagent.call.consent import ConsentState
from sipagent.call.privacy import Privacy
from sipagent.call.verb import Outcome
from sipagent.events import CallEnded, Transcribed, Warned
from sipagent.testing.fakes import FakeCall, FakeHearing, FakeListening, FakeModel, a_call
from sipagent.testing.leaks import tells
from sipagent.testing.posted import FakeWeb
from sipagent.testing.virtual import virtual_time
from sipagent.verbs import VERBS

URL = "https://hook.example/"
SAYS = {"remote-caller": [(1, "hello")], "local-caller": [(2, "good morning"), (4, "goodbye")]}


async def do(call: FakeCall, verb: str, **arguments: Any) -> Outcome:
    return await call.control().do(VERBS[verb].model_validate(arguments))


def start(**options: Any) -> dict[str, Any]:
    both = ["remote-caller", "local-caller"]
    return {"action": {"start": {"lang": "en-US", "direction": both, "webhook": URL, **options}}}


def variables(call: FakeCall) -> dict[str, Any]:
    return dict(call.session.scope["vars"])


@pytest.mark.swml("verb", "live_transcribe", "start: both sides, live events, summary")
@virtual_time
async def test_a_call_is_told_as_it_goes_and_as_a_whole_with_a_summary() -> None:
    web, ears = FakeWeb(), FakeListening(SAYS, last="one more thing")
    model = FakeModel(lambda prompt, text: "They greeted each other.")
    call = a_call(web=web, hearing=ears, models=model)
    asked = start(live_events=True, ai_summary=True, speech_engine="deepgram", debug_level=1)
    assert (await do(call, "live_transcribe", **asked)).ok
    await asyncio.sleep(6)
    await call.close()
    assert web.states(URL) == ["started", *["utterance"] * 5, "finished"]
    first, last = web.told(URL)[1], web.told(URL)[-1]
    assert first["event_type"] == "calling.call.live_transcribe"
    utterance = first["params"]["utterance"]
    assert (utterance["role"], utterance["content"]) == ("remote-caller", "hello")
    said = [entry["content"] for entry in last["params"]["transcript"]]
    assert said[:3] == ["hello", "good morning", "goodbye"] and "one more thing" in said
    assert last["params"]["conversation_summary"] == "They greeted each other."
    assert "remote-caller: hello" in model.asked[0][1] and model.closed == 1
    assert ears.wishes == [("en-US", "deepgram")] * 2
    assert isinstance(call.events[-1], CallEnded)
    assert call.all(Transcribed)[0].by == "live_transcribe"


@pytest.mark.swml("verb", "live_transcribe", "summarize while it runs; stop")
@virtual_time
async def test_a_summary_can_be_had_while_the_call_goes_on_and_then_no_more() -> None:
    web, other = FakeWeb(), "https://other.example/"
    model = FakeModel(lambda prompt, text: prompt.upper())
    call = a_call(web=web, hearing=FakeListening(SAYS), models=model)
    await do(call, "live_transcribe", **start())
    assert not (await do(call, "live_transcribe", **start())).ok
    await asyncio.sleep(3)
    wish = {"summarize": {"prompt": "in capitals", "webhook": other}}
    outcome = await do(call, "live_transcribe", action=wish)
    assert outcome.data["summary"] == "IN CAPITALS"
    assert variables(call)["live_transcribe_summary"] == "IN CAPITALS"
    assert (await do(call, "live_transcribe", action="stop")).ok
    await asyncio.sleep(3)
    assert web.states(other) == ["summary"] and web.states(URL) == ["finished"]
    assert len(web.told(URL)[0]["params"]["transcript"]) == 2
    for action in ("stop", "summarize"):
        assert not (await do(call, "live_transcribe", action=action)).ok
    assert variables(call)["live_transcribe_result"] == "failed"


@virtual_time
async def test_without_ears_that_hear_any_words_it_is_refused_at_once() -> None:
    call = a_call(hearing=FakeHearing())
    outcome = await do(call, "live_transcribe", **start())
    assert not outcome.ok and "no ears" in outcome.detail
    assert variables(call)["live_transcribe_result"] == "failed"
    assert (await do(call, "transcribe")).ok is False


@virtual_time
async def test_ears_that_fail_are_told_of_and_the_other_side_is_still_heard() -> None:
    web = FakeWeb()
    call = a_call(web=web, hearing=FakeListening(SAYS, fault="the key is wrong"))
    await do(call, "live_transcribe", **start())
    await asyncio.sleep(5)
    await call.close()
    assert web.told(URL)[-1]["params"]["error"] == "the key is wrong"
    assert call.all(Warned)[0].code == "live_transcribe"


@virtual_time
async def test_nobody_is_listened_to_before_they_agreed_nor_after_they_withdrew() -> None:
    web = FakeWeb()
    privacy = Privacy(recording_consent="required")
    call = a_call(web=web, hearing=FakeListening(SAYS), privacy=privacy)
    outcome = await do(call, "live_transcribe", **start())
    assert outcome.ok and "agrees" in outcome.detail
    assert "live_transcribe" not in call.session.overhearing
    call.session.consent.say(ConsentState.GIVEN, "key")
    await asyncio.sleep(3)
    assert len(call.all(Transcribed)) == 2
    call.session.consent.say(ConsentState.WITHDRAWN, "key")
    await asyncio.sleep(3)
    assert len(call.all(Transcribed)) == 2 and web.states(URL) == ["finished"]


@virtual_time
async def test_what_is_posted_is_redacted_as_the_record_is() -> None:
    web = FakeWeb()
    says = {"remote-caller": [(1, "my card is 4111 1111 1111 1111")]}
    privacy = Privacy(redact=("card_numbers",))
    call = a_call(web=web, hearing=FakeListening(says), privacy=privacy)
    await do(call, "live_transcribe", **start(live_events=True))
    await asyncio.sleep(3)
    await call.close()
    assert not tells("4111", web.told(URL), call.all(Transcribed))


@pytest.mark.swml("verb", "transcribe", "status_url gets the text when the call is over")
@virtual_time
async def test_a_whole_call_is_posted_as_text_when_it_is_over() -> None:
    web = FakeWeb()
    call = a_call(web=web, hearing=FakeListening(SAYS))
    await do(call, "transcribe", status_url=URL)
    assert variables(call)["transcribe_result"] == "success"
    await asyncio.sleep(5)
    assert web.told(URL) == []
    await call.close()
    (told,) = web.told(URL)
    assert told["event_type"] == "calling.transcript.completed"
    expected = "remote-caller: hello\nlocal-caller: good morning\nlocal-caller: goodbye"
    assert told["params"]["text"] == expected
    assert told["params"]["id"] == variables(call)["transcribe_control_id"]


@pytest.mark.swml("verb", "transcribe_stop", "what was said so far is posted")
@virtual_time
async def test_a_transcription_that_is_stopped_has_what_was_said_before() -> None:
    web = FakeWeb()
    call = a_call(web=web, hearing=FakeListening(SAYS))
    await do(call, "transcribe", status_url=URL)
    await asyncio.sleep(3)
    assert not (await do(call, "transcribe_stop", control_id="another")).ok
    assert (await do(call, "transcribe_stop")).ok
    await asyncio.sleep(1)
    assert web.told(URL)[0]["params"]["text"].count("\n") == 1
    assert not (await do(call, "transcribe_stop")).ok


@pytest.mark.parametrize(
    ("action", "wrong"),
    [
        ("begin", "'begin' is none of start, stop, summarize"),
        ({"start": {"direction": ["remote-caller"]}}, "start.lang"),
        ({"start": {"lang": "en", "direction": ["sideways"]}}, "start.direction.0"),
        ({"start": {}, "stop": {}}, "one key"),
    ],
)
def test_a_wrong_action_is_found_before_any_call(action: Any, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        VERBS["live_transcribe"].model_validate({"action": action})
