"""A speech-to-speech model on the telephone, over real SIP, RTP and WebSocket."""

import asyncio
from pathlib import Path

import pytest

from sipagent.events import BargeIn, ModelUsed, PolicyDecided, ToolReturned, VerbDone
from sipagent.testing.audio import encode
from sipagent.testing.model_server import ToolUse
from sipagent.testing.phone import Phone
from sipagent.testing.spoken_to import GREETING, SpokenTo, spoken_to
from sipagent.testing.vendors.realtime_script import MS_PER_WORD, Item, Reply, Script
from sipagent.testing.voice import speak

pytestmark = pytest.mark.slow
FRAME = 160
STORY = " ".join(f"word{number}" for number in range(60))


def heard_of(talk: SpokenTo, item: Item) -> list[int]:
    """Which 20 ms of an answer came over the wire, in order of arrival, byte for byte."""
    frames = [bytes(item.audio[n : n + FRAME]) for n in range(0, len(item.audio), FRAME)]
    places = {frame: number for number, frame in enumerate(frames)}
    return [places[p.payload] for p in talk.call.received if p.payload in places]


async def test_a_sign_of_listening_costs_no_sound_and_an_interruption_is_cut_to_what_was_heard(
    tmp_path: Path,
) -> None:
    script = Script([STORY], heard=["tell me a story", "uh huh", "stop that please"])
    async with spoken_to(tmp_path, script) as talk:
        await talk.says("Tell me a story please.")
        await talk.said("caller", "tell me a story")
        session = talk.model.session
        assert [(item.role, item.text) for item in session.items[:2]] == [
            ("assistant", GREETING),
            ("user", "tell me a story"),
        ]
        question = session.item("user")
        await talk.call.wait_for_speech(20)
        await talk.call.play(speak("uh huh")[: 320 * 16])
        await talk.server.until(lambda e: isinstance(e, BargeIn) and e.decision == "resumed")
        await asyncio.sleep(0.8)
        assert session.told("response.cancel") == []
        assert session.told("conversation.item.truncate") == []
        story = session.item("assistant")
        before = heard_of(talk, story)
        assert before == list(range(len(before)))  # paused, and not a frame lost or said twice
        await talk.says("Please stop that now, I have heard enough of it.")
        said = await talk.said("agent", "word0")
        await talk.server.wait_for(lambda: story.truncated_ms is not None)
        cut = story.truncated_ms
        assert cut is not None
        # the last of it may be on its way
        await talk.server.wait_for(lambda: len(heard_of(talk, story)) * 20 >= cut - 20)
        heard = heard_of(talk, story)
        assert heard == list(range(len(heard)))
        assert abs(len(heard) * 20 - cut) <= 20
        stopped = [e for e in talk.all(BargeIn) if e.decision == "stopped"]
        assert [e.played_ms for e in stopped] == [cut]
        assert len(said.text.split()) == cut // MS_PER_WORD
        await talk.said("agent", "Yes.")
        roles = [(item.role, item.text) for item in session.items]
        assert roles[2:] == [
            ("assistant", ""),  # the server forgets the words of what it cuts
            ("user", "stop that please"),
            ("assistant", "Yes."),
        ]
        assert session.complaints == []
        sent = _sent_frames("Tell me a story please.")
        asked = [bytes(question.audio[n : n + FRAME]) for n in range(0, len(question.audio), FRAME)]
        # were they converted none would be alike, yet a busy machine's jitter buffer makes up many
        assert len(sent.intersection(asked)) >= 8
        assert talk.all(ModelUsed)[0].audio_output == 60  # the greeting is counted with it


def _sent_frames(words: str) -> set[bytes]:
    pcm = speak(words)
    size = FRAME * 2
    return {encode("PCMU", pcm[n : n + size]) for n in range(0, len(pcm) - size, size)}


async def test_the_callers_own_yes_puts_them_through_after_the_connection_was_lost(
    tmp_path: Path,
) -> None:
    async with Phone(user="sales") as sales:
        transfer = Reply("Sure.", tools=[ToolUse("transfer", f'{{"to": "{sales.uri}"}}')])
        script = Script(["Nine to five.", transfer], heard=["when are you open", "sales", "yes"])
        policy = '{destinations: ["sip:sales@127.0.0.1:*"], confirm: [transfer]}'
        async with spoken_to(tmp_path, script, policy=policy) as talk:
            await talk.says("When are you open?")
            await talk.said("agent", "Nine to five.")
            talk.model.kill()
            await talk.says("Put me through to sales please.")
            await talk.said("agent", "Sure.")
            since = len(talk.server.events)
            await talk.said("agent", "sales", since=since)
            await talk.says("Yes please.")
            answered = await sales.wait_call(timeout=20)
            await answered.wait_answered()
            decisions = [(e.allowed, e.confirmed) for e in talk.all(PolicyDecided)]
            assert decisions[-1] == (True, True)
            before, after = talk.model.sessions
            assert [(item.role, item.text) for item in after.items[:5]] == [
                ("assistant", GREETING),
                ("user", "when are you open"),
                ("assistant", "Nine to five."),
                ("user", "sales"),
                ("assistant", "Sure."),
            ]
            assert before.complaints == after.complaints == []
            await talk.server.until(lambda e: isinstance(e, VerbDone) and e.verb == "transfer")
            await talk.call.hangup()
            await talk.server.ended()
            assert [e.ok for e in talk.all(ToolReturned)] == [True]
