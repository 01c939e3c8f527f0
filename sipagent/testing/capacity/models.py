"""Models: what stands in for hosted ones, in a process of its own, so that its cost is told apart.

Run as `python -m sipagent.testing.capacity.models`: it says where it listens on a line, and serves
until it is terminated.
"""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache

from sipagent.testing.model_server import ModelServer, Reply
from sipagent.testing.vendors.deepgram import Deepgram
from sipagent.testing.vendors.openai_realtime import RealtimeServer
from sipagent.testing.vendors.realtime_script import Reply as SpokenReply
from sipagent.testing.vendors.realtime_script import Script, sound_of
from sipagent.testing.vendors.scripts import Line
from sipagent.testing.vendors.socket_server import SocketServer
from sipagent.worker.weights import cpu_seconds

from .configurations import ANSWER, Addresses

_HEARD = "is there somebody who can help me with my account"


@dataclass(frozen=True, slots=True)
class Models:
    """Where they are, and the process they are in."""

    addresses: Addresses
    pid: int

    def cpu_seconds(self) -> float:
        """What they used so far."""
        return cpu_seconds(self.pid)


@asynccontextmanager
async def modelling() -> AsyncIterator[Models]:
    """The stand-ins, in a process that ends with the block."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", __name__),
        stdout=PIPE,
        start_new_session=True,  # Ctrl-C is for us
    )
    assert process.stdout is not None
    try:
        told = json.loads(await process.stdout.readline())
        yield Models(Addresses(**told), process.pid)
    finally:
        process.kill()
        await process.wait()


class _Spoken(Script):
    """The same words are heard in every turn, and the same sounds answer, made once."""

    def hears(self) -> str:
        return _HEARD

    def sound(self, reply: SpokenReply, form: str) -> Iterator[tuple[str, bytes]]:
        for word in reply.text.split():
            yield word, _sound_of(word, form)


_sound_of = lru_cache(maxsize=256)(sound_of)


async def serve() -> None:
    """Until it is terminated."""
    async with (
        SocketServer(Deepgram(again=Line(_HEARD)), keep=False) as speech,
        ModelServer(again=Reply(ANSWER)) as mind,
        RealtimeServer(_Spoken(default=ANSWER)) as speaking,
    ):
        told = {
            "deepgram": speech.base_url,
            "openai": mind.base_url,
            "realtime": speaking.base_url,
        }
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve())
