"""A vendor's WebSocket: kept, bounded, and never led elsewhere."""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
import trustme
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from sipagent.errors import ProviderError
from sipagent.providers.vendors.account import Account, quoted
from sipagent.providers.vendors.hints import fitting
from sipagent.providers.vendors.line import Line
from sipagent.providers.vendors.web_socket import Endpoint, Inbox, Wire
from sipagent.testing.vendors.socket_server import Refusal, SocketServer, Visit


class Repeater:
    """Says back what it is told, until it is told to go."""

    def __init__(self, refusal: Refusal | None = None) -> None:
        self._refusal = refusal

    def refusal(self, visit: Visit) -> Refusal | None:
        return self._refusal

    async def serve(self, visit: Visit) -> None:
        async for said in visit.hear():
            if said == "go":
                await visit.close(4321, "as \x1b[31m you said, secret-key")
            elif said == "large":
                await visit.say('"' + "x" * 5_000_000 + '"')
            elif said == "list":
                await visit.say("[1, 2]")
            else:
                await visit.say({"said": str(said)})


def endpoint(server: SocketServer) -> Endpoint:
    account = Account("hosted", server.base_url, "secret-key")
    return Endpoint(account, account.url("/", {"a": True}), {"X": "secret-key"}, 1.0)


@asynccontextmanager
async def connected(refusal: Refusal | None = None) -> AsyncIterator[tuple[Line, SocketServer]]:
    line = Line()
    async with SocketServer(Repeater(refusal)) as server:
        try:
            yield line, server
        finally:
            await line.aclose()


async def failing(inbox: Inbox) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        while True:
            assert await inbox.next() is not None
    return caught.value


async def test_no_log_tells_the_key_or_the_words(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with connected() as (line, server):
        wire = await line.wire(endpoint(server))
        with wire.inbox() as inbox:
            await wire.send("my card number is")
            assert await inbox.next() == {"said": "my card number is"}
    ours = [r.getMessage() for r in caplog.records if r.name != "websockets.server"]
    assert not any("secret-key" in one or "card" in one for one in ours)


async def test_an_idle_connection_is_kept_and_a_busy_one_is_not_disturbed() -> None:
    async with connected() as (line, server):
        kept = replace(endpoint(server), keep_alive="still here", keep_alive_seconds=0.05)
        await line.wire(kept)
        await server.until(lambda: server.visits[0].said.count("still here") >= 2)


async def test_what_a_vendor_ended_for_being_idle_is_open_again_before_it_is_missed() -> None:
    async with SocketServer(Repeater()) as server:
        line = Line(lived_seconds=0.0)
        await line.wire(endpoint(server))
        await server.until(lambda: len(server.visits) == 1)
        await server.visits[0].close(1000, "idle for too long")
        await server.until(lambda: len(server.visits) == 2)
        await line.wire(endpoint(server))
        assert len(server.visits) == 2
        await line.aclose()
        await server.until(lambda: not server.open)


async def test_who_ends_connections_at_once_is_not_asked_again_and_again() -> None:
    async with connected() as (line, server):
        wire = await line.wire(endpoint(server))
        await server.until(lambda: len(server.visits) == 1)
        await server.visits[0].close(1008, "go away")
        await failing(wire.inbox())
        await asyncio.sleep(0.05)
        assert len(server.visits) == 1


async def test_farewell_is_said_before_the_connection_is_closed() -> None:
    async with connected() as (line, server):
        await line.wire(replace(endpoint(server), farewell="bye"))
        await line.aclose()
        await server.until(lambda: not server.open)
        assert server.visits[0].said == ["bye"]


async def test_two_who_want_it_at_once_share_one_connection() -> None:
    async with connected() as (line, server):
        first, second = await asyncio.gather(
            line.wire(endpoint(server)), line.wire(endpoint(server))
        )
        assert first is second
        assert len(server.visits) == 1


async def test_a_vendors_close_code_is_told_in_its_words_without_the_key() -> None:
    async with connected() as (line, server):
        wire = await line.wire(endpoint(server))
        inbox = wire.inbox()
        await wire.send("go")
        error = await failing(inbox)
        assert f"{server.base_url} closed with 4321: as [31m you said, ***" in error.cause
        # whoever comes later is told too, and a new connection is made
        assert await failing(wire.inbox()) == error
        assert await line.wire(endpoint(server)) is not wire


@pytest.mark.parametrize(
    ("told", "said"), [("large", "a message of more than"), ("list", "not JSON")]
)
async def test_what_is_too_large_or_no_object_ends_the_connection(told: str, said: str) -> None:
    async with connected() as (line, server):
        wire = await line.wire(endpoint(server))
        inbox = wire.inbox()
        await wire.send(told)
        assert said in (await failing(inbox)).cause


async def test_time_ends_a_wait_and_can_be_set_anew() -> None:
    async with connected() as (line, server):
        wire = await line.wire(endpoint(server))
        inbox = wire.inbox()
        inbox.within(60)
        inbox.within(0.02)
        assert await inbox.next() is None
        inbox.close()


@pytest.mark.parametrize(
    ("refusal", "said", "retryable"),
    [
        (Refusal(403, "forbidden: secret-key"), "check api_key", False),
        (Refusal(402, "pay"), "no credit", False),
        (Refusal(404, "no such voice"), "check base_url, model and voice: no such voice", False),
        (Refusal(400, "", {"dg-error": "bad encoding"}), "refused: bad encoding", False),
        (Refusal(429, "", {"Retry-After": "7"}), "wait for 7 s", False),
        (Refusal(429), "too many requests", True),
        (Refusal(503), "the server failed", True),
        (Refusal(302, "", {"Location": "ws://127.0.0.1:1/"}), "redirects", False),
    ],
)
async def test_a_refusal_says_what_to_do_and_whether_to_try_again(
    refusal: Refusal, said: str, retryable: bool
) -> None:
    async with connected(refusal) as (_, server):
        with pytest.raises(ProviderError) as caught:
            await Wire.open(endpoint(server))
    assert said in caught.value.cause
    assert "secret-key" not in caught.value.cause
    assert caught.value.retryable is retryable


async def test_a_server_that_does_not_answer_is_given_up() -> None:
    async def mute(connection: ServerConnection, request: Request) -> Response | None:
        await asyncio.sleep(0.5)
        return None

    async with serve(lambda _: asyncio.sleep(0), "127.0.0.1", 0, process_request=mute) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        account = Account("hosted", f"ws://127.0.0.1:{port}")
        with pytest.raises(ProviderError, match=r"did not answer within 0\.1 s"):
            await Wire.open(Endpoint(account, account.url("/", {}), {}, 0.1))


async def test_a_certificate_that_nobody_vouches_for_is_no_server_of_a_vendor() -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("localhost").configure_cert(context)
    async with serve(lambda _: asyncio.sleep(0), "localhost", 0, ssl=context) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        account = Account("hosted", f"wss://localhost:{port}")
        with pytest.raises(ProviderError, match="cannot be trusted") as caught:
            await Wire.open(Endpoint(account, account.url("/", {}), {}, 2.0))
    assert not caught.value.retryable


def test_a_vendors_words_fit_on_a_line() -> None:
    assert quoted("  what\n a\x00\tword ") == "what a word"
    assert len(quoted("x" * 1000)) == 200


def test_hints_are_as_many_as_the_vendor_takes() -> None:
    assert fitting(["a", "b", "a", "c"], most=2) == ("a", "b")
    assert fitting(["long one", "b"], most=9, longest=3) == ("b",)
    assert fitting(["abc", "de", "f"], most=9, characters=4) == ("abc", "f")
