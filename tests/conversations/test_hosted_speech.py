"""A call with hosted ears and a hosted mouth, over SIP, RTP and the vendors' WebSockets."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest

from sipagent.events import ProviderFailed, Said
from sipagent.media.g711 import decode
from sipagent.testing.call import PhoneCall
from sipagent.testing.phone import Phone
from sipagent.testing.recorded import in_it
from sipagent.testing.server import Server, running
from sipagent.testing.vendors.assemblyai import AssemblyAI
from sipagent.testing.vendors.deepgram import Deepgram
from sipagent.testing.vendors.elevenlabs import ElevenLabs
from sipagent.testing.vendors.lettering import read
from sipagent.testing.vendors.socket_server import SocketServer
from sipagent.testing.voice import speak

pytestmark = pytest.mark.slow

GREETING = "good morning, rossi and sons."
ANSWER = "we are open from nine to five."
PLAN = f"""
routes: [{{to: "100"}}]
agents:
  desk:
    greeting: "{GREETING}"
    brain: {{provider: instant, says: "{ANSWER}"}}
    ears: [{{provider: first}}, {{provider: second}}]
    voice: {{provider: mouth}}
    hints: [Rossi]
sections:
  main: [answer, {{ai: {{agent: desk}}}}, hangup]
"""


@asynccontextmanager
async def hosted(
    folder: Path, first: SocketServer, second: SocketServer, mouth: SocketServer
) -> AsyncIterator[tuple[Server, PhoneCall]]:
    """A call that was greeted."""
    providers = {
        "first": {"kind": "deepgram", "base_url": first.base_url, "api_key": "right"},
        "second": {"kind": "assemblyai", "base_url": second.base_url, "api_key": "right"},
        "mouth": {
            "kind": "elevenlabs",
            "base_url": mouth.base_url,
            "api_key": "right",
            "voice_id": "rachel",
        },
    }
    async with Phone(user="alice") as phone, running(folder, PLAN, providers=providers) as server:
        call = await phone.dial(server.uri("100"))
        await call.wait_answered()
        await server.until(lambda e: isinstance(e, Said) and e.text == GREETING)
        yield server, call


async def said_by(server: Server, speaker: str, number: int) -> str:
    """The `number`th thing on record of them."""

    def said() -> list[str]:
        return [e.text for e in server.events if isinstance(e, Said) and e.speaker == speaker]

    await server.wait_for(lambda: len(said()) >= number)
    return said()[number - 1]


def letters(pcm: bytes) -> str:
    """What the caller heard, silence left out."""
    loud = np.flatnonzero(np.abs(np.frombuffer(pcm, "<i2").astype(int)) > 500)
    return read(pcm[2 * loud[0] : 2 * loud[-1] + 2], 8000) if len(loud) else ""


async def test_a_call_is_heard_by_one_vendor_and_spoken_by_another(tmp_path: Path) -> None:
    async with (
        SocketServer(Deepgram("when are you open")) as ears,
        SocketServer(AssemblyAI()) as spare,
        SocketServer(ElevenLabs()) as mouth,
        hosted(tmp_path, ears, spare, mouth) as (server, call),
    ):
        question = speak("when are you open")
        await call.play(question)
        assert await said_by(server, "caller", 1) == "when are you open"
        assert await said_by(server, "agent", 2) == ANSWER
        # the last packets are on their way
        await server.wait_for(lambda: letters(call.stream.heard.pcm()).endswith(ANSWER))
        assert letters(call.stream.heard.pcm()).startswith(GREETING)
        await call.hangup()
        await server.ended()
        # one connection each, opened before the caller said a word and closed after the last one
        (visit,) = ears.visits
        assert visit.query["keyterm"] == ["Rossi"]
        assert in_it(question, decode("PCMU", visit.audio))
        assert len(mouth.visits) == 1
        await ears.until(lambda: not ears.open)
        await mouth.until(lambda: not mouth.open)
        assert [e for e in server.events if isinstance(e, ProviderFailed)] == []


async def test_when_the_ears_die_the_next_in_the_list_hear_the_same_words(
    tmp_path: Path,
) -> None:
    async with (
        SocketServer(Deepgram("good morning")) as ears,
        SocketServer(AssemblyAI("when are you open")) as spare,
        SocketServer(ElevenLabs()) as mouth,
        hosted(tmp_path, ears, spare, mouth) as (server, call),
    ):
        await call.play(speak("good morning"))
        assert await said_by(server, "caller", 1) == "good morning"
        assert await said_by(server, "agent", 2) == ANSWER
        await ears.stop()
        question = speak("when are you open")
        await call.play(question)
        assert await said_by(server, "caller", 2) == "when are you open"
        assert await said_by(server, "agent", 3) == ANSWER
        failed = [e for e in server.events if isinstance(e, ProviderFailed)]
        assert failed[-1].then == "next"
        assert {(e.provider, e.role) for e in failed} == {("first", "ears")}
        assert all(f"cannot connect to {ears.base_url}" in e.cause for e in failed)
        assert in_it(question, decode("PCMU", spare.visits[-1].audio))
        await server.wait_for(lambda: letters(call.stream.heard.pcm()).count(ANSWER) == 2)
        await call.hangup()
        await server.ended()
