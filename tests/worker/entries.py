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

import numpy.random

from sipagent.config import Settings
from sipagent.events import CallEnded, CallStarted, Warned
from sipagent.worker.home import Home
from sipagent.worker.lifeline import Lifeline
from sipagent.worker.offspring import outlive_the_parent
from sipagent.worker.protocol import (
    Assign,
    Assignment,
    Claimed,
    Finished,
    HangUp,
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


def preload_but_not_twice(settings: Settings) -> None:
    if settings.sip.realm == "broken":
        raise OSError("no such model")


def preload_with_thread(settings: Settings) -> None:
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()


def run(token: str, home: Home, settings: Settings) -> int:
    return asyncio.run(_serve(token, home, settings))


def exit_at_once(token: str, home: Home, settings: Settings) -> int:
    return 7


def never_ready(token: str, home: Home, settings: Settings) -> int:
    time.sleep(60)
    return 0


def raise_at_once(token: str, home: Home, settings: Settings) -> int:
    raise LookupError("no such voice")


async def _serve(token: str, home: Home, settings: Settings) -> int:
    address = ("127.0.0.1", os.getpid())
    patience = settings.limits.orphan_seconds
    line = Lifeline(home, token, address, patience=patience)
    await line.connect()
    call: Assignment | None = None
    async for message in line.messages():
        match message:
            case Ping(n=n):
                line.send(Pong(n=n))
            case Assign(assignment=assignment):
                call = assignment
                outlive_the_parent()
                await _answer(line, assignment, settings)
            case HangUp(reason=reason):
                if call is not None and call.callee != "stubborn":
                    return await _end(line, call, reason)
            case Quit():
                return 0
    return 0


async def _answer(line: Lifeline, call: Assignment, settings: Settings) -> None:
    match call.callee:
        case "silent":  # never claims
            return
        case "abort":
            os.abort()
    line.claimed()
    line.happened(CallStarted(call_id=call.call_id, caller=call.caller, callee=call.callee))
    match call.callee:
        case "facts":
            line.happened(_facts(call, settings))
        case "twice":
            line.send(Claimed())
        case "deaf":
            await asyncio.sleep(0.1)
            time.sleep(60)
        case "brief":
            os._exit(await _end(line, call, "normal"))
        case "lingering":
            await _end(line, call, "normal")
            time.sleep(60)


async def _end(line: Lifeline, call: Assignment, reason: str) -> int:
    line.happened(CallEnded(call_id=call.call_id, reason=reason))
    line.send(Finished())
    await asyncio.sleep(0.1)
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
