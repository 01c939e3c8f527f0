"""A server as a process of ours: lines of JSON on its stdin and stdout, bounded, and killed."""

import asyncio
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import anyio
import structlog
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.client._transport import TransportStreams
from mcp.shared.message import SessionMessage
from mcp_types import jsonrpc_message_adapter
from pydantic import ValidationError

log = structlog.get_logger(__name__)

#: what a server may know of our environment
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ")
#: bytes of one message; more ends the connection
MOST = 4 << 20
#: seconds until a server that was asked to end is told to, and until it is killed
_ASKED, _TOLD = 0.5, 0.5
#: lines that are no messages, until the server is given up
_NONSENSE = 20


@asynccontextmanager
async def process(
    command: Sequence[str], env: Mapping[str, str], cwd: Path | None, ended: Callable[[], None]
) -> AsyncIterator[TransportStreams]:
    """Start it; it is gone, with all it has started, when the block is left. `ended` is called
    when it says no more. Raises OSError.
    """
    inherited = {key: os.environ[key] for key in _INHERITED if key in os.environ}
    started = await asyncio.create_subprocess_exec(
        *command,
        stdin=PIPE,
        stdout=PIPE,
        # what it complains of may hold what callers said
        stderr=DEVNULL,
        env={**inherited, **env},
        cwd=cwd,
        limit=MOST,
        start_new_session=True,
    )
    into, read = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    write, out = anyio.create_memory_object_stream[SessionMessage](0)
    tasks = [asyncio.create_task(_read(started, into)), asyncio.create_task(_write(started, out))]
    tasks[0].add_done_callback(lambda _: ended())
    try:
        yield read, write
    finally:
        ending = asyncio.ensure_future(_end(started, tasks))
        try:
            await asyncio.shield(ending)
        except asyncio.CancelledError:
            # it is bounded: nobody's hurry leaves a process behind
            await ending
            raise
        finally:
            for stream in (into, read, write, out):
                stream.close()


async def _read(process: Process, into: MemoryObjectSendStream[SessionMessage | Exception]) -> None:
    assert process.stdout is not None
    nonsense = 0
    with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
        async with into:
            while nonsense < _NONSENSE:
                try:
                    line = await process.stdout.readline()
                except ValueError:
                    log.warning("mcp_message_too_large", pid=process.pid, most=MOST)
                    return
                if not line:
                    return
                try:
                    message = jsonrpc_message_adapter.validate_json(line, by_name=False)
                except ValidationError:
                    # servers print things
                    nonsense += 1
                    continue
                await into.send(SessionMessage(message))


async def _write(process: Process, out: MemoryObjectReceiveStream[SessionMessage]) -> None:
    assert process.stdin is not None
    with suppress(OSError, anyio.EndOfStream, anyio.ClosedResourceError):
        async with out:
            async for message in out:
                text = message.message.model_dump_json(by_alias=True, exclude_unset=True)
                process.stdin.write(text.encode() + b"\n")
                await process.stdin.drain()


async def _end(process: Process, tasks: Sequence[asyncio.Task[None]]) -> None:
    """As the protocol says: close its stdin, then ask, then kill."""
    reading, writing = tasks
    # a last word (a call that is cancelled) has been handed over: it goes out first
    await asyncio.sleep(0)
    writing.cancel()
    if process.stdin is not None:
        process.stdin.close()
    reading.cancel()
    for patience, number in ((_ASKED, signal.SIGTERM), (_TOLD, signal.SIGKILL)):
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await process.wait()
        # the group outlives its leader where that has started others
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
    await asyncio.gather(*tasks, return_exceptions=True)
    with suppress(TimeoutError):
        async with asyncio.timeout(1.0):
            # what it said last is read to its end: asyncio closes the pipe there
            while process.stdout is not None and await process.stdout.read(MOST):
                pass
            await process.wait()
