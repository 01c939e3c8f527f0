"""What the caller hears while a function runs: its fillers, a file, or nothing."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from sipagent.call.web import WebReply, WebRequest
from sipagent.events import FillerSpoken
from sipagent.testing.fakes import FakeSounds
from sipagent.testing.functions import URL, FunctionServer, FunctionTalk, a_function_talk
from sipagent.testing.virtual import virtual_time


class SlowServer(FunctionServer):
    """Takes `seconds` for an answer."""

    seconds = 6.0

    async def ask(self, request: WebRequest) -> WebReply:
        await asyncio.sleep(self.seconds)
        return await super().ask(request)


@asynccontextmanager
async def slowly(keys: Mapping[str, Any], **spec: Any) -> AsyncIterator[FunctionTalk]:
    """A talk whose function takes six seconds."""
    server = SlowServer({"f": ["ready"]})
    swaig = {"functions": [{"function": "f", "web_hook_url": URL, **keys}]}
    fakes = {"web": server, **spec.pop("fakes", {})}
    async with a_function_talk({"f": []}, {}, "Here.", swaig=swaig, house=fakes, **spec) as talk:
        talk.server = server
        yield talk


def fillers(talk: FunctionTalk) -> list[str]:
    """What was said while it waited."""
    return [event.text for event in talk.talk.call.all(FillerSpoken)]


@pytest.mark.swml("param", "SWAIG.function.fillers", "by language; said once it takes its time")
@virtual_time
async def test_a_functions_own_fillers_are_said_in_the_language_that_is_spoken() -> None:
    languages = [{"name": "Italian", "code": "it-IT"}]
    own = {"en-US": ["One second."], "it-IT": ["Un attimo."]}
    async with slowly({"fillers": own}, languages=languages) as talk:
        await talk.ask(12_000)
        assert fillers(talk) == ["Un attimo."]
        assert talk.talk.said[-1] == ("agent", "Here.")


@pytest.mark.swml("param", "SWAIG.function.skip_fillers", "not even the agent's")
@virtual_time
async def test_fillers_are_skipped_where_the_function_says_so() -> None:
    plan = {"tools": {"default": ["Let me see."]}}
    async with slowly({}, fillers=plan) as talk:
        await talk.ask(12_000)
        assert fillers(talk) == ["Let me see."]
    async with slowly({"skip_fillers": True}, fillers=plan) as talk:
        await talk.ask(12_000)
        assert fillers(talk) == []


@pytest.mark.swml("param", "SWAIG.function.wait_for_fillers", "asked once one was heard")
@virtual_time
async def test_a_function_waits_until_its_filler_was_heard() -> None:
    keys = {"fillers": {"default": ["I am looking it up for you now."]}, "wait_for_fillers": True}
    async with slowly(keys) as talk:
        await talk.ask(1000)
        assert fillers(talk) == ["I am looking it up for you now."]
        await asyncio.sleep(12)
        assert talk.talk.heard_words() == "I am looking it up for you now. Here."


@pytest.mark.swml("param", "SWAIG.function.wait_file", "plays as long as the function runs")
@pytest.mark.swml("param", "SWAIG.function.wait_file_loops", "so many times")
@virtual_time
async def test_a_file_plays_while_a_function_runs() -> None:
    sounds = FakeSounds()
    keys = {"wait_file": "a tune here", "fillers": {"default": ["Never."]}}
    async with slowly(keys, fakes={"sounds": sounds}) as talk:
        await talk.ask(12_000)
        assert len(sounds.loaded) > 10 and set(sounds.loaded) == {"a tune here"}
        assert fillers(talk) == []
        assert talk.talk.said == [("agent", "Here.")]
    sounds = FakeSounds()
    async with slowly(keys | {"wait_file_loops": "2"}, fakes={"sounds": sounds}) as talk:
        await talk.ask(12_000)
        assert sounds.loaded == ["a tune here"] * 2
