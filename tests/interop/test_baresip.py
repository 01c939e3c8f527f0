"""baresip, a softphone that is not ours: it calls, is understood, and talks with another one."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest

from sipagent.config import Media
from sipagent.events import CallEnded, DigitReceived, LegChanged, Said, VerbDone
from sipagent.testing.audio import speech_like
from sipagent.testing.baresip import Baresip
from sipagent.testing.prompts import prompt
from sipagent.testing.recorded import in_it, voice_of
from sipagent.testing.server import Server, running
from sipagent.testing.voice import speak

pytestmark = [pytest.mark.peer, pytest.mark.slow]
PATIENCE = 20.0
#: how often a caller repeats what was not understood, as a person would
TRIES = 3

PLAN = """
routes: [{to: "100"}]
agents:
  desk:
    greeting: "Rossi and Sons, good morning."
    tools: [transfer]
    intents:
      hours: {phrases: ["what are your opening hours"], digits: "1", say: "From nine to five."}
      sales:
        phrases: ["connect me to the sales department", "press zero to reach an operator"]
        digits: "2"
        say: "One moment please."
        do: {transfer: {to: "SALES"}}
policy: {destinations: ["sip:sales@127.0.0.1:*"]}
sections:
  main: [answer, {record_call: {stereo: true}}, {ai: {agent: desk}}, hangup]
"""
CALLER, SALES = speech_like(2.0, 1), speech_like(2.0, 2)


def said_by(who: str, words: str) -> Callable[[Any], bool]:
    return lambda e: isinstance(e, Said) and e.speaker == who and words in e.text


def transferred(event: Any) -> bool:
    return isinstance(event, VerbDone) and event.verb == "transfer" and event.ok


async def ask(server: Server, phone: Baresip, pcm: bytes, wanted: Callable[[Any], bool]) -> None:
    """Say it, again where it was not understood."""
    for attempt in range(TRIES):
        await phone.play(pcm)
        try:
            await server.until(wanted, timeout=PATIENCE if attempt == TRIES - 1 else 8)
            return
        except TimeoutError:
            continue
    raise AssertionError("was not understood")


async def greeted(server: Server, phone: Baresip, uri: str) -> Said:
    """Call; the agent's first words, once they are spoken."""
    await phone.dial(uri)
    await phone.wait_event("CALL_ESTABLISHED", timeout=PATIENCE)
    said = await server.until(said_by("agent", "good morning"))
    assert isinstance(said, Said)
    return said


async def put_through(server: Server, alice: Baresip, sales: Baresip) -> None:
    """Two who were not talking are: each says something of their own."""
    await sales.wait_event("CALL_ESTABLISHED", timeout=PATIENCE)
    await server.until(transferred)
    await asyncio.gather(alice.play(CALLER), sales.play(SALES))
    await asyncio.sleep(3)  # both are heard to their end


async def all_gone(server: Server, *phones: Baresip) -> CallEnded:
    for phone in phones:
        await phone.wait_event("CALL_CLOSED", timeout=PATIENCE)
        assert await phone.command("listcalls")  # it still answers
    end = await server.ended()
    await server.idle()
    await server.wait_for(lambda: server.gateway.edge.dialogs == 0)
    legs = {e.leg: e.state for e in server.events if isinstance(e, LegChanged)}
    assert set(legs.values()) == {"disconnected"}
    return end


def with_sales(sales: Baresip) -> str:
    return PLAN.replace("SALES", sales.uri)


@pytest.mark.parametrize("who_leaves", ["alice", "sales"])
@pytest.mark.parametrize(
    ("transport", "codec", "words", "pcm"),
    [
        ("udp", "PCMU", "connect me to the sales department", None),
        ("tcp", "PCMA", "press zero to reach an operator", "vm-reachoper"),
    ],
    ids=["udp-pcmu-synthetic-voice", "tcp-pcma-human-voice"],
)
@pytest.mark.rfc("3261", "baresip calls in and is put through to a second baresip, heard both ways")
async def test_a_softphone_is_greeted_understood_and_put_through_to_another(
    tmp_path: Path,
    transport: Literal["udp", "tcp"],
    codec: str,
    words: str,
    pcm: str | None,
    who_leaves: str,
) -> None:
    async with (
        Baresip(user="sales", codecs=(codec,), answer="auto") as sales,
        running(tmp_path, with_sales(sales)) as server,
        Baresip(user="alice", codecs=(codec,), transport=transport) as alice,
    ):
        greeting = await greeted(server, alice, server.uri("100", transport))
        voice = prompt(pcm) if pcm else speak(words)
        await ask(server, alice, voice, said_by("caller", words))
        await put_through(server, alice, sales)
        await (alice if who_leaves == "alice" else sales).hangup()
        end = await all_gone(server, alice, sales)

        assert end.status == 200
        assert in_it(await voice_of(server, greeting), alice.heard())
        assert in_it(SALES, alice.heard())
        assert in_it(CALLER, sales.heard())
        assert not in_it(voice, sales.heard())
        bundle = await server.bundle()
        assert words in [line.heard for line in bundle.transcript if line.who == "caller"]
        (transfer,) = bundle.cdr.transfers
        assert (transfer.ok, transfer.target) == (True, sales.uri)
        assert {m.start_line.split()[0] for m in bundle.sip} >= {"INVITE", "ACK", "BYE"}


async def test_keys_of_a_softphone_drive_an_intent(tmp_path: Path) -> None:
    async with (
        Baresip(user="sales", answer="auto") as sales,
        running(tmp_path, with_sales(sales)) as server,
        Baresip(user="alice") as alice,
    ):
        await greeted(server, alice, server.uri("100"))
        await alice.press("1")
        hours = await server.until(said_by("agent", "From nine to five."))
        await alice.press("2")
        await put_through(server, alice, sales)
        await alice.hangup()
        await all_gone(server, alice, sales)
        assert [e.digit for e in server.events if isinstance(e, DigitReceived)] == ["1", "2"]
        assert isinstance(hours, Said)
        assert in_it(await voice_of(server, hours), alice.heard())
        assert in_it(CALLER, sales.heard())


@pytest.mark.parametrize("clock_rate", [8000, 16000])
@pytest.mark.rfc("3551", "baresip talks G.722")
async def test_a_wideband_softphone_is_heard_and_understood(
    tmp_path: Path, clock_rate: Literal[8000, 16000]
) -> None:
    media = Media(clock_rate=clock_rate)
    async with (
        running(tmp_path, PLAN.replace("SALES", "sip:sales@127.0.0.1:9"), media=media) as server,
        Baresip(user="alice", codecs=("G722",)) as alice,
    ):
        await greeted(server, alice, server.uri("100"))
        await ask(
            server,
            alice,
            speak("what are your opening hours"),
            said_by("caller", "what are your opening hours"),
        )
        await server.until(said_by("agent", "From nine to five."))
        assert "G722" in await alice.command("callstat")
        await alice.hangup()
        await all_gone(server, alice)
