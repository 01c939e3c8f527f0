"""Supervisors of real zygotes and workers, each closed with its test."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from sipagent.config import Limits, Settings
from sipagent.events import Event
from sipagent.worker.handle import WorkerHandle
from sipagent.worker.home import Home
from sipagent.worker.protocol import Assignment, PlanText
from sipagent.worker.roster import Patience
from sipagent.worker.spawner import Program
from sipagent.worker.supervisor import Supervisor

HERE = Path(__file__).parent
#: a busy machine takes its time
PATIENT = Patience(ready=30.0, take=30.0, ping=10.0)


def running(pid: int) -> bool:
    """True while the process exists and is more than a zombie its parent has yet to reap."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


async def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait for something that has no event to wait on; fails after `seconds`."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


class Gateway:
    """A supervisor and a record of all it told."""

    def __init__(self, supervisor_of: Callable[..., Supervisor]) -> None:
        self.ready: list[WorkerHandle] = []
        self.events: list[tuple[WorkerHandle, Event]] = []
        self.gone: list[tuple[WorkerHandle, str]] = []
        self._calls = 0
        self.supervisor = supervisor_of(
            on_ready=self.ready.append,
            on_event=lambda worker, event: self.events.append((worker, event)),
            on_gone=lambda worker, why: self.gone.append((worker, why)),
        )

    async def take(self, behaviour: str = "stay", **more: Any) -> WorkerHandle:
        self._calls += 1
        return await self.supervisor.take(
            Assignment(
                call_id=f"call-{self._calls}",
                plan=PlanText(name="plan", file="plan.yaml", document={"sections": {}}),
                caller="sip:alice@example.com",
                callee=behaviour,
                bundle=Path("calls"),
                **more,
            )
        )

    def types(self, worker: WorkerHandle) -> list[str]:
        return [event.type for seen, event in self.events if seen is worker]

    def whys(self, worker: WorkerHandle) -> list[str]:
        return [why for seen, why in self.gone if seen is worker]

    async def end_of(self, worker: WorkerHandle) -> str:
        """Why it went, once it has; it must be said once."""
        await until(lambda: bool(self.whys(worker)))
        (why,) = self.whys(worker)
        return why


StartGateway = Callable[..., Any]


@pytest.fixture
async def start_gateway(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[StartGateway]:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")]))
    started: list[Gateway] = []

    async def start(
        *,
        entry: str = "run",
        preload: str = "preload",
        calls: int = 4,
        warm: int = 1,
        claim_seconds: float = 30.0,
        patience: Patience = PATIENT,
        settings: Settings | None = None,
    ) -> Gateway:
        limits = Limits(calls=calls, warm=warm, claim_seconds=claim_seconds)
        whole = (settings or Settings()).model_copy(update={"limits": limits})

        def supervisor_of(**told: Any) -> Supervisor:
            return Supervisor(
                whole,
                home=Home(tmp_path / "state", ("127.0.0.1", 9), b"secret"),
                program=Program(f"entries:{entry}", f"entries:{preload}"),
                patience=patience,
                **told,
            )

        gateway = Gateway(supervisor_of)
        started.append(gateway)
        await gateway.supervisor.start()
        return gateway

    yield start
    for gateway in started:
        await gateway.supervisor.close()
