"""Workers for the supervisor's tests, forked by a real zygote: well-behaved ones and the others.

How a worker behaves in its call is the user part of the callee it is given.
"""

import asyncio
import os
import random
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy.random

from sipagent.config import Settings
from sipagent.events import CallEnded, CallStarted, Warned
from sipagent.worker.client import WorkerChannel, connect
from sipagent.worker.protocol import (
    Assign,
    Assignment,
    Claimed,
    Finished,
    HangUp,
    Happened,
    Ping,
    Pong,
    Quit,
)

preloaded: list[str] = []


def preload(settings: Settings) -> None:
    preloaded.append(settings.sip.realm)


def preload_slowly(settings: Settings) -> None:
    """Says its process id where a test reads it, then takes long."""
    os.write(1, f"{os.getpid()}\n".encode())
    time.sleep(1.0)


def preload_with_thread(settings: Settings) -> None:
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()


def run(token: str, socket_path: Path, settings: Settings) -> int:
    return asyncio.run(_serve(token, socket_path, settings))


def exit_at_once(token: str, socket_path: Path, settings: Settings) -> int:
    return 7


def never_ready(token: str, socket_path: Path, settings: Settings) -> int:
    time.sleep(60)
    return 0


def raise_at_once(token: str, socket_path: Path, settings: Settings) -> int:
    raise LookupError("no such voice")


async def _serve(token: str, socket_path: Path, settings: Settings) -> int:
    channel = await connect(socket_path, token, host="127.0.0.1", port=os.getpid())
    call: Assignment | None = None
    async for message in channel:
        match message:
            case Ping(n=n):
                channel.send(Pong(n=n))
            case Assign(assignment=assignment):
                call = assignment
                await _answer(channel, assignment, settings)
            case HangUp(reason=reason):
                if call is not None and call.callee != "stubborn":
                    return await _end(channel, call, reason)
            case Quit():
                return 0
    return 0


async def _answer(channel: WorkerChannel, call: Assignment, settings: Settings) -> None:
    match call.callee:
        case "silent":  # never claims
            return
        case "abort":
            os.abort()
    channel.send(Claimed())
    channel.send(
        Happened(event=CallStarted(call_id=call.call_id, caller=call.caller, callee=call.callee))
    )
    match call.callee:
        case "facts":
            channel.send(Happened(event=_facts(call, settings)))
        case "twice":
            channel.send(Claimed())
        case "deaf":
            await channel.drain()
            time.sleep(60)
        case "brief":
            os._exit(await _end(channel, call, "normal"))
        case "lingering":
            await _end(channel, call, "normal")
            time.sleep(60)


async def _end(channel: WorkerChannel, call: Assignment, reason: str) -> int:
    channel.send(Happened(event=CallEnded(call_id=call.call_id, reason=reason)))
    channel.send(Finished())
    await channel.drain()
    return 0


def _facts(call: Assignment, settings: Settings) -> Warned:
    """What a worker finds about itself, as words."""
    open_files = []
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError):
            open_files.append(os.readlink(f"/proc/self/fd/{name}"))
    password = settings.phones["100"].password.get_secret_value() if settings.phones else ""
    facts = {
        "omp": os.environ["OMP_THREAD_LIMIT"],
        "preloaded": "+".join(preloaded),
        "random": str(random.random()),
        "numpy": str(numpy.random.random()),
        "sockets": str(sum(file.startswith("socket:") for file in open_files)),
        "chld": str(signal.getsignal(signal.SIGCHLD) == signal.SIG_DFL),
        "password": password,
    }
    return Warned(
        call_id=call.call_id,
        code="facts",
        detail=" ".join(f"{key}={value}" for key, value in facts.items()),
    )
