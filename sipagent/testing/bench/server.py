"""The server under test: `sipagent serve` in its own process, and what it costs."""

import asyncio
import json
import os
import signal
import sys
import time
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sipagent.errors import SipAgentError
from sipagent.worker.weights import Kind, below, cpu_seconds, family, proportional, resident

_START_SECONDS = 60.0
_LOOK_SECONDS = 0.05

PLANS = {
    "echo": """
routes: [{to: "echo"}]
agents:
  echo: {brain: {provider: echo}}
sections:
  main: [answer, {ai: {agent: echo}}]
""",
    "answer": """
routes: [{to: "answer"}]
sections:
  main: [answer, {sleep: {duration: 600000}}]
""",
    "talk": """
routes: [{to: "talk"}]
agents:
  talk:
    ears: {provider: instant}
    brain: {provider: instant}
    voice: {provider: instant}
    silence_seconds: 600
sections:
  main: [answer, {ai: {agent: talk}}]
""",
    "monologue": """
routes: [{to: "monologue"}]
agents:
  monologue:
    greeting: "GREETING"
    ears: {provider: instant}
    brain: {provider: instant, says: "GREETING"}
    silence_seconds: 600
sections:
  main: [answer, {ai: {agent: monologue}}]
""".replace(
        "GREETING",
        " ".join(
            ["This sentence is one of many that this agent says without stopping for anybody."] * 12
        ),
    ),
}


class BenchFailed(SipAgentError):
    """The server under test did not start, or a call did not work."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process tree has used so far, and holds now."""

    at: float
    cpu_seconds: float
    processes: int
    pss_bytes: int


class Server:
    """A running server."""

    def __init__(self, process: Process, address: str, http: str | None, folder: Path) -> None:
        self._process = process
        self.address = address
        #: host:port of its HTTP door; None where it has none
        self.http = http
        self.folder = folder

    @property
    def pid(self) -> int:
        """Of its gateway."""
        return self._process.pid

    def uri(self, number: str) -> str:
        """How to call a plan."""
        return f"sip:{number}@{self.address}"

    def cost(self, *, memory: bool = False) -> Cost:
        """CPU of every process of the tree so far; proportional memory only when asked (slow)."""
        pids = [self.pid, *below(self.pid)]
        cpu = sum(cpu_seconds(pid) for pid in pids)
        pss = sum(proportional(pid) for pid in pids) if memory else 0
        return Cost(time.perf_counter(), cpu, len(pids), pss)

    @property
    def workers(self) -> list[int]:
        """Their process ids."""
        return [pid for pid, kind in family(self.pid) if kind is Kind.WORKER]

    def resident(self) -> tuple[int, dict[int, int]]:
        """Resident memory of the gateway, and of each worker by its process id; bytes."""
        return resident(self.pid), {pid: resident(pid) for pid in self.workers}

    def worker_pss(self) -> list[int]:
        """Proportional memory of each worker, bytes, largest first."""
        return sorted((proportional(pid) for pid in self.workers), reverse=True)


@asynccontextmanager
async def serving(
    folder: Path,
    *,
    calls: int,
    plans: Mapping[str, str] = PLANS,
    settings: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
) -> AsyncIterator[Server]:
    """Start a server with these plans on free ports. `settings` are keys of sipagent.yaml,
    `environment` what it inherits beside ours. Raises BenchFailed.
    """
    _write(folder, calls, plans, settings or {})
    # The lines go to a file: reading them from a pipe would cost the callers their time.
    lines = folder / "server.log"
    with lines.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "sipagent", "serve", "--config", str(folder / "bench.yaml")),
            stdout=DEVNULL,
            stderr=errors,
            # Ctrl-C is for us, who stop it when we are done
            start_new_session=True,
            env={**os.environ, "SIPAGENT_LOG__FORMAT": "json", **(environment or {})},
        )
    try:
        address = await _address(process, lines)
        yield Server(process, address, _announced(lines, "http_serving", "address"), folder)
    finally:
        await _stop(process)


def _write(folder: Path, calls: int, plans: Mapping[str, str], settings: Mapping[str, Any]) -> None:
    (folder / "plans").mkdir(parents=True, exist_ok=True)
    for name, text in plans.items():
        (folder / "plans" / f"{name}.yaml").write_text(text)
    written = {
        "sip": {"listen": [{"transport": "udp", "host": "127.0.0.1", "port": 0}]},
        "limits": {"calls": calls, "calls_per_second": 1000, "drain_seconds": 0},
        "store": {"database": f"sqlite+aiosqlite:///{folder}/bench.sqlite3", "bundles": "calls"},
        "log": {"level": "info"},
        "dialplans": ["plans"],
        "tools": [],
        **settings,
    }
    (folder / "bench.yaml").write_text(json.dumps(written))


async def _address(process: Process, lines: Path) -> str:
    """Where it answers, once it says so."""
    try:
        async with asyncio.timeout(_START_SECONDS):
            while process.returncode is None:
                if (address := _announced(lines, "serving", "sip")) is not None:
                    return address
                await asyncio.sleep(_LOOK_SECONDS)
    except TimeoutError as error:
        raise BenchFailed(f"the server did not start in time: {_last(lines)}") from error
    raise BenchFailed(f"the server ended while it started: {_last(lines)}")


def _announced(lines: Path, event: str, key: str) -> str | None:
    for line in lines.read_text().splitlines():
        with suppress(ValueError):
            entry = json.loads(line)
            if entry.get("event") == event:
                return str(entry[key])
    return None


def _last(lines: Path) -> str:
    return lines.read_text()[-500:].strip()


async def _stop(process: Process) -> None:
    if process.returncode is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(10):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
