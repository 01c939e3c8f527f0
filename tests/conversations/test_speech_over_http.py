"""A caller talks with an agent whose ears and mouth are servers: real SIP, RTP and HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from sipagent.events import ProviderFailed, Said
from sipagent.testing.call import PhoneCall
from sipagent.testing.model_server import ModelServer
from sipagent.testing.modelled import Talk, last
from sipagent.testing.phone import Phone
from sipagent.testing.server import running
from sipagent.testing.vendors.faults import Fault
from sipagent.testing.vendors.sounds import pitch_of
from sipagent.testing.vendors.speech_server import SpeechServer, speech_server
from sipagent.testing.voice import speak

pytestmark = pytest.mark.slow

PLAN = """
routes: [{to: "100"}]
agents:
  desk:
    greeting: "Rossi and Sons, good morning."
    prompt: "You are the receptionist."
    brain: {provider: mind}
    ears: {provider: speech, model: whisper-1}
    voice: VOICE
    hints: [Rossi]
    languages: [{name: English, code: en-GB}]
sections:
  main: [answer, {ai: {agent: desk}}, hangup]
"""
LONE = "{provider: speech, model: tts-1, voice: alloy}"
#: what the speech server hums
HERTZ = 440.0


@asynccontextmanager
async def talking(
    folder: Path, speech: SpeechServer, *replies: str, voice: str = LONE
) -> AsyncIterator[Talk]:
    """A call that was answered."""
    async with ModelServer(replies) as model, Phone(user="alice") as phone:
        providers: dict[str, Any] = {
            "mind": {"kind": "openai", "model": "test", "base_url": model.base_url},
            "speech": {"kind": "openai", "base_url": speech.base_url, "silence_seconds": 2},
        }
        plan = PLAN.replace("VOICE", voice)
        async with running(folder, plan, providers=providers) as server:
            call = await phone.dial(server.uri("100"))
            await call.wait_answered()
            yield Talk(server, model, call)


def hum(call: PhoneCall) -> float:
    """How high the call sounded, for most of it."""
    return pitch_of(call.stream.heard.pcm(), 8000)


async def test_words_go_to_the_ears_server_and_the_answer_comes_from_the_mouths(
    tmp_path: Path,
) -> None:
    async with (
        speech_server("where is my order", hertz=HERTZ) as speech,
        talking(tmp_path, speech, "It is on its way.") as talk,
    ):
        await talk.told("good morning")
        await talk.call.play(speak("where is my order"))
        await talk.told("It is on its way.")
        assert last(talk.model.chats[0]) == "where is my order"
        [heard] = speech.heard
        assert heard.form["language"] == "en"
        assert heard.form["prompt"] == "Rossi"
        assert heard.ms > 800
        assert [body["input"] for body in speech.spoken] == [
            "Rossi and Sons, good morning.",
            "It is on its way.",
        ]
        await talk.call.hangup()
        assert hum(talk.call) == pytest.approx(HERTZ, abs=5)


async def test_a_mouth_that_is_down_is_followed_by_the_next_and_the_caller_hears_every_word(
    tmp_path: Path,
) -> None:
    voices = f"[{LONE}, {{provider: espeak}}]"
    async with speech_server(hertz=HERTZ) as speech:
        speech.http.faults.append(Fault.WRONG_KEY)
        async with talking(tmp_path, speech, voice=voices) as talk:
            greeting = await talk.told("Rossi and Sons, good morning.")
            assert not greeting.unheard
            [failed] = talk.all(ProviderFailed)
            assert (failed.provider, failed.role, failed.then) == ("speech", "mouth", "next")
            assert "wrong API key" in failed.cause
            await talk.call.hangup()
            # a voice was heard, and not the hum
            assert talk.call.stream.heard.pcm().strip(b"\0")
            assert hum(talk.call) != pytest.approx(HERTZ, abs=5)


async def test_the_greeting_is_heard_though_the_vendor_has_gone_since_the_last_call(
    tmp_path: Path,
) -> None:
    async with speech_server(hertz=HERTZ) as speech, talking(tmp_path, speech) as talk:
        await talk.told("good morning")
        await talk.call.hangup()
        await talk.server.ended()
        before = len(speech.spoken)
        speech.http.faults.extend([Fault.BROKEN] * 4)
        async with Phone(user="bob") as phone:
            call = await phone.dial(talk.server.uri("100"))
            await call.wait_answered()
            since = len(talk.server.events)
            greeted = await talk.told("Rossi and Sons, good morning.", since=since)
            assert isinstance(greeted, Said)
            await call.hangup()
            assert hum(call) == pytest.approx(HERTZ, abs=5)
        assert len(speech.spoken) == before == 1
        assert talk.all(ProviderFailed) == []
