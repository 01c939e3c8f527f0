"""Actors: scenarios on real legs, each in another process, as a test sees them."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from sipagent.worker.spawner import Launched

from . import nursery


class Actor:
    """A scenario that runs in another process, as the test sees it."""

    def __init__(self, process: Launched, wire: socket.socket) -> None:
        self.address: tuple[str, int] = ("", 0)
        self._process = process
        self._wire = wire
        self._lines = b""

    @property
    def uri(self) -> str:
        """Where the actor takes calls."""
        return f"sip:actor@{self.address[0]}:{self.address[1]}"

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    async def hear(self) -> Any:
        """What the scenario says next with `Stage.tell`."""
        message = await self._next()
        assert "said" in message, message.get("error", message)
        return message["said"]

    async def tell(self, word: Any) -> None:
        """Say something the scenario waits for with `Stage.hear`."""
        data = json.dumps(word).encode() + b"\n"
        await asyncio.get_running_loop().sock_sendall(self._wire, data)

    async def result(self) -> Any:
        """What the scenario returned; its exception fails the test."""
        message = await self._next()
        assert "result" in message, message.get("error", message)
        return message["result"]

    async def close(self) -> None:
        """End the process."""
        self._wire.close()
        try:
            code = await asyncio.wait_for(self._process.wait(), 5)
        except TimeoutError:
            self._process.kill()
            code = await self._process.wait()
        assert code == 0, f"the worker died: {code}"

    async def _next(self) -> dict[str, Any]:
        loop = asyncio.get_running_loop()
        while b"\n" not in self._lines:
            data = await asyncio.wait_for(loop.sock_recv(self._wire, 65_536), 60)
            assert data, f"the worker died: {await self._process.wait()}"
            self._lines += data
        line, _, self._lines = self._lines.partition(b"\n")
        message: dict[str, Any] = json.loads(line)
        return message


Launch = Callable[..., Awaitable[Actor]]


@asynccontextmanager
async def launching() -> AsyncIterator[Launch]:
    """Gives `launch`: `await launch(function, *arguments)` starts a scenario. The function is
    called with a Stage and the arguments, in another process that ends with the context.
    """
    actors: list[Actor] = []

    async def start(
        function: Callable[..., Awaitable[Any]],
        *arguments: Any,
        settings: dict[str, Any] | None = None,
        internal: tuple[str, int] | None = None,
        public: tuple[str, int] | None = None,
        seconds: float = 30.0,
    ) -> Actor:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            process = await nursery.stage(theirs.fileno())
        actor = Actor(process, ours)
        actors.append(actor)
        order = {
            "file": function.__code__.co_filename,
            "name": function.__name__,
            "arguments": arguments,
            "settings": settings or {},
            "internal": internal,
            "public": public,
            "seconds": seconds,
        }
        await actor.tell(order)
        host, port = await actor.hear()
        actor.address = (host, port)
        return actor

    try:
        yield start
    finally:
        for actor in actors:
            await actor.close()
