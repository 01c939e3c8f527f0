"""The bus over a real nats-server: told, asked, refused, and away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from pydantic import BaseModel, ConfigDict

from sipagent.api.calls import NotUnderstood
from sipagent.cluster.bus import Bus, BusAway, Message, NoAnswer, NobodyThere, Refusal, TooBig
from sipagent.config import Nats
from sipagent.testing.nats import NatsServer

pytestmark = pytest.mark.peer


class Word(Message):
    """Something to say."""

    text: str


class Longer(Word):
    """What a newer release says."""

    more: str = "of it"


class Strict(BaseModel):
    """What an older one takes elsewhere, and no more."""

    model_config = ConfigDict(extra="forbid")
    text: str


class State:
    """Whether a bus is connected, to wait for."""

    def __init__(self, bus: Bus) -> None:
        self._bus, self._news = bus, asyncio.Event()
        bus.changed = lambda connected: self._news.set()

    async def until(self, connected: bool) -> None:
        async with asyncio.timeout(60):
            while self._bus.connected is not connected:
                self._news.clear()
                await self._news.wait()


@asynccontextmanager
async def on(server: NatsServer, *buses: Bus) -> AsyncIterator[list[State]]:
    states = [State(bus) for bus in buses]
    for bus in buses:
        bus.start()
    try:
        for state in states:
            await state.until(True)
        yield states
    finally:
        for bus in buses:
            await bus.close()


def bus(server: NatsServer, name: str, **more: str) -> Bus:
    return Bus(Nats.model_validate({"servers": server.url, **more}), name)


async def test_what_one_node_tells_the_others_hear() -> None:
    async with NatsServer() as server:
        here, there, elsewhere = (bus(server, name) for name in "abc")
        heard: asyncio.Queue[Word] = asyncio.Queue()
        there.subscribe("news", Word, heard.put_nowait)
        elsewhere.subscribe("other", Word, heard.put_nowait)
        async with on(server, here, there, elsewhere):
            assert here.publish("other", Word(text="not for b"))
            assert here.publish("news", Word(text="hello"))
            assert {(await heard.get()).text for _ in range(2)} == {"hello", "not for b"}


async def test_who_asks_gets_the_answer_or_the_error_as_it_was_meant() -> None:
    async def answer(asked: Word) -> Word | bytes:
        if asked.text == "more":
            return Longer(text="more")
        if asked.text == "bytes":
            return b"\x00\xff"
        if asked.text == "slow":
            await asyncio.sleep(60)
        if asked.text == "big":
            return Word(text="x" * 2_000_000)
        if asked.text != "hello":
            raise NotUnderstood("no such word", "text")
        return Word(text="hello yourself")

    async with NatsServer() as server:
        here, there = bus(server, "a"), bus(server, "b")
        there.serve("ask", Word, answer)
        async with on(server, here, there):
            said = await here.request("ask", Word(text="hello"), Word, 30)
            assert said.text == "hello yourself"
            assert await here.fetch("ask", Word(text="bytes"), 30) == b"\x00\xff"
            known = await here.request("ask", Word(text="more"), Strict, 30)
            assert known.text == "more", "nodes are upgraded one by one"
            with pytest.raises(Refusal, match="text: no such word") as refusal:
                await here.fetch("ask", Word(text="what"), 30)
            assert (refusal.value.kind, refusal.value.place) == ("not-understood", "text")
            with pytest.raises(Refusal, match="2000011 bytes") as big:
                await here.fetch("ask", Word(text="big"), 30)
            assert big.value.kind == "too-big"
            with pytest.raises(TooBig):
                await here.fetch("ask", Word(text="x" * 2_000_000), 30)
            with pytest.raises(NoAnswer, match=r"no answer within 0.1 s"):
                await here.fetch("ask", Word(text="slow"), 0.1)
            with pytest.raises(NobodyThere):
                await here.fetch("nobody", Word(text="hello"), 30)


async def test_a_bus_that_was_away_is_told_so_and_comes_back_by_itself() -> None:
    async with NatsServer() as server:
        here, there = bus(server, "a"), bus(server, "b")
        heard: asyncio.Queue[Word] = asyncio.Queue()
        there.subscribe("news", Word, heard.put_nowait)
        async with on(server, here, there) as states:
            await server.stop()
            for state in states:
                await state.until(False)
            assert not here.publish("news", Word(text="into the void"))
            assert (here.dropped, here.why_away) == (1, "the connection was lost")
            with pytest.raises(BusAway):
                await here.fetch("ask", Word(text="hello"), 30)
            await server.start()
            for state in states:
                await state.until(True)
            assert here.publish("news", Word(text="back"))
            assert (await heard.get()).text == "back", "nothing is told late"


async def test_a_server_that_stands_still_is_away() -> None:
    async with NatsServer() as server:
        here = Bus(Nats(servers=(server.url,)), "a", ping=0.2)
        async with on(server, here) as states:
            server.freeze()
            await states[0].until(False)
            server.thaw()
            await states[0].until(True)


async def test_who_has_the_wrong_password_stays_outside_until_it_is_right() -> None:
    async with NatsServer("--user", "sip", "--pass", "right") as server:
        stranger = bus(server, "x", user="sip", password="wrong")
        node = bus(server, "a", user="sip", password="right")
        stranger.start()
        try:
            async with on(server, node), asyncio.timeout(60):
                while "uthorization" not in stranger.why_away:
                    await asyncio.sleep(0.02)
            assert not stranger.connected
            assert "wrong" not in stranger.why_away
        finally:
            await stranger.close()
