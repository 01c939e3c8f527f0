"""Our own gateway calls functions that we serve: declared by signature, asked over a socket."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import uvicorn

from sipagent.call.web import WebReply, WebRequest
from sipagent.config import Web as WebSettings
from sipagent.events import VerbDone
from sipagent.providers.web.client import HttpWeb
from sipagent.serving.asgi import application
from sipagent.serving.endpoint import Access, Endpoint
from sipagent.serving.functions import Functions
from sipagent.testing.functions import a_function_talk
from sipagent.testing.virtual import virtual_time


class RealWeb:
    """A call's real way to the web, on a loop of its own: virtual time stands still meanwhile."""

    async def ask(self, request: WebRequest) -> WebReply:
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(asyncio.run, self._ask(request)).result(60)

    async def _ask(self, request: WebRequest) -> WebReply:
        web = HttpWeb(WebSettings(allow=("127.0.0.1",)))
        try:
            return await web.ask(request)
        finally:
            await web.close()


@contextmanager
def served(endpoint: Endpoint) -> Iterator[str]:
    """A server in a thread; its URL."""
    config = uvicorn.Config(application(endpoint), port=0, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    up = threading.Event()

    async def run() -> None:
        running = asyncio.create_task(server._serve())
        while not server.started:
            await asyncio.sleep(0.01)
        up.set()
        await running

    thread = threading.Thread(target=lambda: asyncio.run(run()), daemon=True)
    thread.start()
    assert up.wait(30)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}/swaig"
    finally:
        server.should_exit = True
        thread.join(30)


@pytest.mark.swml("param", "SWAIG.includes", "functions of `sipagent tools serve`, by signature")
def test_an_agent_of_ours_uses_functions_that_we_serve(functions: Functions) -> None:
    access = Access.with_new_secret(Access("me", "word"))
    with served(Endpoint(functions, access)) as url:
        include = {"url": url, "auth_user": "me", "auth_password": "word", "functions": ["price"]}
        _talk(include)


@virtual_time
async def _talk(include: dict[str, object]) -> None:
    async with a_function_talk(
        {"price": []},
        {"item": "hat", "count": 2},
        "It is twenty-four.",
        swaig={"includes": [include]},
        house={"web": RealWeb()},
    ) as talk:
        await asyncio.sleep(1)
        await talk.ask()
        assert talk.talk.brain.offered[0] == ("price",)
        assert talk.results == ["2 hat: 24 euros"]
        assert talk.warnings == []


def test_what_a_served_function_does_to_the_call_is_done_in_its_name(
    functions: Functions,
) -> None:
    with served(Endpoint(functions, Access())) as url:
        _put_through({"url": url, "functions": ["put_through"]})


@virtual_time
async def _put_through(include: dict[str, object]) -> None:
    async with a_function_talk(
        {"put_through": []},
        {"to": "sales"},
        swaig={"includes": [include]},
        house={"web": RealWeb()},
    ) as talk:
        await asyncio.sleep(1)
        await talk.ask()
        end = await talk.talk.end()
        assert [(done.verb, done.by) for done in talk.talk.call.all(VerbDone)] == [
            ("play", "function:put_through")
        ]
        assert end.exit is not None and end.exit.by == "function:put_through"
        (step,) = end.exit.document.program["main"]
        assert (step.verb.name, step.arguments["to"]) == ("connect", "sip:sales@pbx.example")
        assert talk.scope["global_data"]["department"] == "sales"
