"""Live calls, over SIP and RTP, and their records run again."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from sipagent.config import Provider, Settings
from sipagent.dialplan.load import load_file
from sipagent.events import BargeIn, DigitReceived, Event, LegChanged, Said, SpeechStarted, VerbDone
from sipagent.testing.call import PhoneCall
from sipagent.testing.dialects.openai_chat import OpenAIChat
from sipagent.testing.model_script import Body, Request
from sipagent.testing.model_server import ModelServer, Reply
from sipagent.testing.modelled import modelled
from sipagent.testing.phone import Phone
from sipagent.testing.replay import Replayed, Taken, Wish, replay, taken_from
from sipagent.testing.replay.live_minds import LiveMinds
from sipagent.testing.server import Server, running
from sipagent.testing.voice import speak

pytestmark = pytest.mark.slow

PLAN = """
routes: [{to: "100"}]
agents:
  desk:
    greeting: "Rossi here."
    tools: [transfer]
    intents:
      parking: {phrases: ["parking"], digits: "2", say: "Parking, yes."}
      hours:
        phrases: ["what are your opening hours"]
        say: "We are open from nine to five, Monday to Friday, and on Saturdays from ten until two
          in the afternoon, but for the first Saturday of the month, when nobody is there at all."
      sales:
        phrases: ["connect me to the sales department"]
        do: {transfer: {to: "SALES"}}
policy: {destinations: ["sip:*@127.0.0.1*"]}
sections:
  main: [answer, {record_call: {stereo: true}}, {ai: {agent: desk}}, hangup]
"""


def differences(replayed: Replayed) -> list[str]:
    """For whoever reads that a test failed."""
    rows = [f"{row.before} / {row.after}" for row in replayed.comparison.differences]
    return [*rows, *map(str, replayed.requests), *replayed.notes]


async def asks(
    server: Server, call: PhoneCall, words: str, wanted: Callable[[Event], bool]
) -> None:
    """Say it, again where it was not understood, until something comes of it."""
    since = len(server.events)
    for _ in range(3):
        await call.play(speak(words))
        try:
            await server.until(wanted, since=since, timeout=6)
            return
        except TimeoutError:
            continue
    raise AssertionError(f"{words!r} was never understood")


def says(words: str) -> Callable[[Event], bool]:
    return lambda e: isinstance(e, Said) and e.speaker == "agent" and words in e.text


def begins(event: Event) -> bool:
    return isinstance(event, SpeechStarted) and event.speaker == "agent"


async def test_a_call_with_keys_words_a_barge_in_and_a_transfer_decides_the_same_again(
    tmp_path: Path,
) -> None:
    async with Phone(user="alice") as alice, Phone(user="sales") as sales:
        plan = PLAN.replace("SALES", sales.uri)
        async with running(tmp_path, plan) as server:
            call = await alice.dial(server.uri("100"))
            await call.wait_answered()
            await server.until(says("Rossi"))
            await call.press("2")
            await server.until(says("Parking"))
            await asks(server, call, "what are your opening hours", begins)
            await asyncio.sleep(1.0)
            await asks(server, call, "connect me to the sales department", put_through)
            await asyncio.sleep(0.5)
            await call.hangup()
            await server.ended()
            bundle = await server.bundle()
            folder = server.bundles[bundle.cdr.call_id]
    kinds = {type(event) for event in bundle.events}
    assert {DigitReceived, BargeIn, VerbDone} <= kinds
    replayed = await asyncio.to_thread(replay, taken_from(folder), Settings(tools=()))
    assert replayed.same, differences(replayed)
    again = [e for e in replayed.after if isinstance(e, LegChanged) and e.role == "callee"]
    assert [(e.remote, e.state) for e in again][-2:] == [
        (sales.uri, "confirmed"),
        (sales.uri, "disconnected"),
    ]


def put_through(event: Event) -> bool:
    return isinstance(event, VerbDone) and event.verb == "transfer" and event.ok


class PromptReader(OpenAIChat):
    """Scripts look at the system prompt, in place of the last message."""

    def last(self, request: Request) -> Body:
        """See `Dialect`."""
        return request.messages[0]


def text(said: Said) -> str:
    return said.text


def with_live_minds(taken: Taken, settings: Settings, plan: Path) -> Replayed:
    with LiveMinds(settings) as minds:
        return replay(taken, settings, Wish(plan=load_file(plan), live=minds))


async def test_a_model_is_replayed_from_the_record_and_asked_where_the_prompt_has_changed(
    tmp_path: Path,
) -> None:
    async with modelled(tmp_path, ["We open at nine.", "Until five."], offered="") as talk:
        await talk.presses("2")
        await talk.told("We open at nine.")
        await talk.presses("3")
        await talk.told("Until five.")
        await talk.call.hangup()
        await talk.server.ended()
        bundle = await talk.server.bundle()
        folder = talk.server.bundles[bundle.cdr.call_id]
        plan_text = (tmp_path / "plans" / "plan.yaml").read_text()
    taken = taken_from(folder)
    # the server is gone, and so is the configuration of its model
    replayed = await asyncio.to_thread(replay, taken, Settings(tools=()))
    assert replayed.same, differences(replayed)
    assert [text(e) for e in replayed.after if isinstance(e, Said)][1:] == [
        "We open at nine.",
        "Until five.",
    ]
    changed = tmp_path / "changed.yaml"
    changed.write_text(plan_text.replace("You are the receptionist.", "You are a pirate."))
    script = [
        Reply("Arr, at nine.", when=lambda prompt: "pirate" in prompt["content"]),
        Reply("Until five, arr.", when=lambda prompt: "pirate" in prompt["content"]),
    ]
    async with ModelServer(script, dialect=PromptReader()) as model:
        mind = {"kind": "openai", "model": "test", "base_url": model.base_url}
        settings = Settings(tools=(), providers={"mind": Provider.model_validate(mind)})
        replayed = await asyncio.to_thread(with_live_minds, taken_from(folder), settings, changed)
    assert [one.done for one in replayed.requests] == ["asked live", "asked live"]
    assert "prompt" in {respect.what for respect in replayed.requests[0].unlike}
    changes = {
        (row.before.what, row.after.what)
        for row in replayed.comparison.differences
        if row.before is not None and row.after is not None
    }
    assert changes == {("We open at nine.", "Arr, at nine."), ("Until five.", "Until five, arr.")}
