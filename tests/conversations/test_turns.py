"""Turns with a language model: keys, giving way, and the caller's own yes."""

import asyncio
from pathlib import Path

import pytest

from sipagent.events import BargeIn, PolicyDecided, Said, ToolReturned
from sipagent.testing.audio import speech_like
from sipagent.testing.model_server import Reply, ToolUse
from sipagent.testing.modelled import GREETING, Script, Talk, last, modelled
from sipagent.testing.phone import Phone
from sipagent.testing.recorded import in_it
from sipagent.testing.voice import speak

pytestmark = pytest.mark.slow
#: no two words alike, so that what was heard can be told
STORY = " ".join(
    f"On day {day} we saw {animal}s in the garden, and {count} of them were asleep."
    for day, (animal, count) in enumerate(
        zip(
            ["hedgehog", "rabbit", "sparrow", "badger", "squirrel", "lizard", "magpie", "otter"],
            ["two", "three", "four", "five", "six", "seven", "eight", "nine"],
            strict=True,
        ),
        start=1,
    )
)


async def test_keys_reach_the_model_as_a_note(tmp_path: Path) -> None:
    async with modelled(tmp_path, ["Two, thank you.", "Goodbye."]) as talk:
        assert last(await talk.presses("2")) == "[keys pressed: 2]"
        await talk.told("Two, thank you.")
        assert last(await talk.presses("14#")) == "[keys pressed: 14]"
        (request, again) = talk.model.chats
        history = [(m["role"], m["content"]) for m in again.messages[1:]]
        assert history == [
            ("assistant", GREETING),
            ("user", "[keys pressed: 2]"),
            ("assistant", "Two, thank you."),
            ("user", "[keys pressed: 14]"),
        ]
        assert request.messages[0]["content"].startswith("You are the receptionist.")


async def test_one_connection_warmed_under_the_greeting_serves_the_call(tmp_path: Path) -> None:
    async with modelled(tmp_path, ["Two.", "Three."]) as talk:
        await talk.presses("2")
        await talk.told("Two.")
        await talk.presses("3")
        assert [r.path for r in talk.model.requests] == ["/v1/models"] + 2 * [
            "/v1/chat/completions"
        ]
        assert {r.connection for r in talk.model.requests} == {1}
        await talk.call.hangup()
        await talk.server.idle()


@pytest.mark.alone
async def test_talking_over_the_model_cuts_its_history_to_what_was_heard(tmp_path: Path) -> None:
    script: Script = [Reply(STORY, pace=0.1), "Yes, what is it?"]
    async with modelled(tmp_path, script) as talk:
        await talk.presses("1")
        began = await talk.call.wait_for_speech(20)
        await asyncio.sleep(3)  # the story is told for a while
        request = await talk.says("i have another question")
        async with asyncio.timeout(20):
            # the story takes the model longer than the caller listened: it was told to stop
            await talk.model.until(lambda: bool(talk.model.disconnects))

        assert last(request) == "[cut you off] i have another question"
        said = await talk.server.until(lambda e: isinstance(e, Said) and e.interrupted)
        assert isinstance(said, Said)
        history = [m["content"] for m in request.messages if m["role"] == "assistant"]
        assert history[:2] == [GREETING, said.text]
        assert said.text.startswith("On day 1 we saw hedgehogs")
        assert said.unheard
        assert STORY.startswith(f"{said.text} {said.unheard}")

        stopped = await talk.server.until(
            lambda e: isinstance(e, BargeIn) and e.decision == "stopped"
        )
        assert isinstance(stopped, BargeIn)
        spoken = await _seconds(talk, began)
        assert abs(spoken - stopped.played_ms / 1000) < 0.4
        # words heard, against how long it takes to say so many of them
        alone = len(speak(said.text, "en-us")) / 16_000
        assert 0.5 < spoken / alone < 2
        await talk.told("Yes, what is it?")


async def _seconds(talk: Talk, began: float) -> float:
    """How long the agent was heard from `began` on, until it fell silent."""
    end = talk.call.stream.heard.fell_silent(began, quiet=0.6)
    assert end is not None
    return end - began


def _transfer(to: str) -> Reply:
    return Reply(tools=[ToolUse("transfer", f'{{"to": "{to}"}}')])


@pytest.mark.parametrize("answer", ["1", "yes please"])
async def test_the_callers_own_yes_puts_them_through(tmp_path: Path, answer: str) -> None:
    policy = '{destinations: ["sip:sales@127.0.0.1:*"], confirm: [transfer]}'
    async with (
        Phone(user="sales") as sales,
        modelled(tmp_path, [_transfer(sales.uri)], policy=policy) as talk,
    ):
        await talk.presses("7")
        await talk.call.wait_for_speech(20)
        assert sales.calls == []
        await _answers(talk, answer)
        answered = await sales.wait_call(timeout=20)
        theirs = speech_like(1.0, 1)
        await answered.wait_answered()
        await answered.play(theirs)
        await talk.server.wait_for(lambda: in_it(theirs, talk.call.stream.heard.pcm()))
        decisions = [(p.allowed, p.confirmed) for p in talk.all(PolicyDecided)]
        assert decisions == [(True, None), (True, True)]


@pytest.mark.parametrize("answer", ["2", "no thank you"])
async def test_the_model_is_told_when_the_caller_does_not_agree(
    tmp_path: Path, answer: str
) -> None:
    policy = '{destinations: ["sip:sales@127.0.0.1:*"], confirm: [transfer]}'
    async with Phone(user="sales") as sales:
        script: Script = [_transfer(sales.uri), "As you like."]
        async with modelled(tmp_path, script, policy=policy) as talk:
            await talk.presses("7")
            await talk.call.wait_for_speech(20)
            await _answers(talk, answer)
            assert "the caller did not agree" in last(await talk.request(2))
            await talk.told("As you like.")
            assert [r.ok for r in talk.all(ToolReturned)] == [False]
            assert sales.calls == []


async def _answers(talk: Talk, answer: str) -> None:
    """By key, or by voice: again when the question comes again, as a person would."""
    if answer.isdigit():
        await talk.call.press(answer)
        return

    def decided() -> bool:
        return any(p.confirmed is not None for p in talk.all(PolicyDecided))

    for _ in range(2):
        await talk.call.wait_for_silence(500, 20)
        await talk.call.play(speak(answer))
        try:
            await talk.server.wait_for(decided, 4)
            return
        except TimeoutError:
            continue
