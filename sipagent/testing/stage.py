"""A process of its own for a scenario: pjsua2 lives once per process and ends by os._exit.

`main` is run by the nursery: it reads one JSON line from the socket (module file,
function, arguments), runs the function with a Stage, and answers in JSON lines.
"""

import asyncio
import importlib.util
import json
import os
import socket
import sys
import traceback
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn

from sipagent.config import Settings
from sipagent.legs.bridge import PjBridge
from sipagent.legs.dialer import SipDialer
from sipagent.legs.pjsip import Endpoint
from sipagent.legs.rings import library
from sipagent.legs.sip import SipLeg


class Stage:
    """What a scenario has at hand: a started endpoint, its bridge and dialer, and the test."""

    def __init__(self, wire: socket.socket, settings: Settings, internal: Any, public: Any) -> None:
        self.endpoint = Endpoint(
            settings,
            token="t0",  # noqa: S106 - the name of a worker, no secret
            public_address=tuple(public) if public else ("127.0.0.1", 5060),
            internal_address=tuple(internal) if internal else None,
        )
        self.arrivals: asyncio.Queue[SipLeg] = asyncio.Queue()
        self.endpoint.on_incoming = self.arrivals.put_nowait
        self.endpoint.start()
        self.bridge = PjBridge(self.endpoint, library())
        self.bridge.start()
        self.dialer = SipDialer(self.endpoint)
        self._wire = wire
        self._lines = b""

    async def incoming(self) -> SipLeg:
        """The next incoming leg."""
        return await self.arrivals.get()

    async def tell(self, word: Any) -> None:
        """Send the test something it waits for with `Actor.hear`."""
        await self._send({"said": word})

    async def hear(self) -> Any:
        """The next thing the test says with `Actor.tell`."""
        loop = asyncio.get_running_loop()
        while b"\n" not in self._lines:
            data = await loop.sock_recv(self._wire, 65_536)
            if not data:
                os._exit(0)
            self._lines += data
        line, _, self._lines = self._lines.partition(b"\n")
        return json.loads(line)

    async def _send(self, message: dict[str, Any]) -> None:
        data = json.dumps(message).encode() + b"\n"
        await asyncio.get_running_loop().sock_sendall(self._wire, data)


async def _run(wire: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    errors: list[str] = []
    loop.set_exception_handler(
        lambda _, context: errors.append(
            f"{context['message']}: {context.get('exception')!r}\n"
            + "".join(traceback.format_exception(context.get("exception")))
        )
    )
    order = json.loads(await _line(wire))
    stage = Stage(wire, Settings(**order["settings"]), order["internal"], order["public"])
    await stage._send({"said": stage.endpoint.address})
    function = _function(order["file"], order["name"])
    try:
        async with asyncio.timeout(order["seconds"]):
            result = await function(stage, *order["arguments"])
        message = {"result": result}
    except BaseException:
        message = {"error": traceback.format_exc()}
    await asyncio.sleep(0)
    if errors:
        message = {"error": "\n".join(errors) + json.dumps(message)}
    await stage._send(message)
    while await loop.sock_recv(wire, 1024):
        pass


async def _line(wire: socket.socket) -> bytes:
    data = b""
    while not data.endswith(b"\n"):
        data += await asyncio.get_running_loop().sock_recv(wire, 1)
    return data


def _function(file: str, name: str) -> Callable[..., Awaitable[Any]]:
    spec = importlib.util.spec_from_file_location("scenario", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["scenario"] = module
    spec.loader.exec_module(module)
    function: Callable[..., Awaitable[Any]] = getattr(module, name)
    return function


def main(arguments: list[str]) -> NoReturn:
    """Be the process: the argument is the number of the socket. Forked by the nursery."""
    channel = socket.socket(fileno=int(arguments[0]))
    channel.setblocking(False)
    try:
        asyncio.run(_run(channel))
    except ConnectionError:
        os._exit(0)  # the test is over
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)
