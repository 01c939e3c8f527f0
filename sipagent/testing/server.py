"""A whole server in this process, on free loopback ports, with plans written as text."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sipagent.app.gateway import Gateway
from sipagent.app.plans import open_plans
from sipagent.app.whereabouts import host_port
from sipagent.config import Limits, Listener, Settings, Sip, Store
from sipagent.edge.desk import Address
from sipagent.events import CallEnded, Event
from sipagent.store.bundle import Bundle, read_bundle
from sipagent.worker.handle import WorkerHandle
from sipagent.worker.supervisor import Supervisor

from . import nursery
from .sip.agent import Kind

PATIENCE = 20.0
#: what `sip=` begins with: any free UDP and TCP port
LISTEN = (Listener(port=0), Listener(transport="tcp", port=0))

#: what `limits=` is where a test says nothing: each worker that waits costs a start 0.1 s of CPU
FEW = Limits(warm=3)


class Server:
    """A gateway that serves, every event of its calls so far, and the bundles it has written."""

    def __init__(self, gateway: Gateway, folder: Path) -> None:
        self.gateway = gateway
        self.folder = folder
        self.events: list[Event] = []
        self.bundles: dict[str, Path] = {}
        self._changed = asyncio.Event()
        gateway.ledger.listeners.append(self._happened)
        gateway.ledger.on_bundle = self._written

    @property
    def workers(self) -> Supervisor:
        """The workers' supervisor."""
        assert self.gateway.workers is not None
        return self.gateway.workers

    def address(self, transport: Kind = "udp") -> Address:
        """The public SIP socket."""
        return dict(self.gateway.edge.bound)[transport.upper()]

    def uri(self, number: str, transport: Kind = "udp") -> str:
        """How to call a number of the plans."""
        suffix = "" if transport == "udp" else f";transport={transport.replace('wss', 'ws')}"
        return f"sip:{number}@{host_port(self.address(transport))}{suffix}"

    def worker(self, sip_call_id: str) -> WorkerHandle:
        """The worker that has the call with this SIP Call-ID. Raises LookupError."""
        for worker in self.workers.handles:
            if worker.assignment is not None and worker.assignment.sip_call_id == sip_call_id:
                return worker
        raise LookupError(f"no worker has {sip_call_id}")

    async def until(
        self, wanted: Callable[[Event], bool], *, since: int = 0, timeout: float = PATIENCE
    ) -> Event:
        """The first event of that kind, from the `since`th on. Raises TimeoutError."""
        await self.wait_for(lambda: any(map(wanted, self.events[since:])), timeout)
        return next(event for event in self.events[since:] if wanted(event))

    async def ended(self, number: int = 1, *, timeout: float = PATIENCE) -> CallEnded:
        """How the `number`th call that ended did. Raises TimeoutError."""
        await self.wait_for(lambda: len(self._ends()) >= number, timeout)
        return self._ends()[number - 1]

    async def bundle(self, call_id: str | None = None, *, timeout: float = PATIENCE) -> Bundle:
        """The bundle of a call, or of the one that is written first. Raises TimeoutError."""
        await self.wait_for(
            lambda: call_id in self.bundles if call_id else bool(self.bundles), timeout
        )
        folder = self.bundles[call_id or next(iter(self.bundles))]
        return read_bundle(folder, self.gateway.ledger.files)

    async def wait_for(self, condition: Callable[[], bool], timeout: float = PATIENCE) -> None:
        """Wait until something holds; looked at with every event and 20 times a second.

        Raises TimeoutError.
        """
        async with asyncio.timeout(timeout):
            while not condition():
                self._changed.clear()
                _, pending = await asyncio.wait(
                    [asyncio.ensure_future(self._changed.wait())], timeout=0.05
                )
                for waiting in pending:
                    waiting.cancel()

    async def idle(self, *, timeout: float = PATIENCE) -> None:
        """Wait until no call lives, only warm workers stand ready and no record is unwritten.

        Raises TimeoutError.
        """
        await self.wait_for(self._is_idle, timeout)
        await self.gateway.store.flush()

    def _is_idle(self) -> bool:
        stats = self.workers.stats
        return self.gateway.ledger.live == 0 and stats.calls == 0 and stats.processes == stats.idle

    def _ends(self) -> list[CallEnded]:
        return [event for event in self.events if isinstance(event, CallEnded)]

    def _happened(self, event: Event) -> None:
        self.events.append(event)
        self._changed.set()

    def _written(self, call_id: str, folder: Path) -> None:
        self.bundles[call_id] = folder
        self._changed.set()


@asynccontextmanager
async def running(
    folder: Path, plans: str | Mapping[str, str], **settings: Any
) -> AsyncIterator[Server]:
    """Serve a plan, or several by name, until left. `settings` are those of `Settings`.

    Raises ConfigError where a plan is not sound, and what a server that cannot start raises.
    """
    made = settings_in(folder, plans, **settings)
    async with Gateway(made, open_plans(made), program=nursery.WORKER) as gateway:
        yield Server(gateway, folder)


def settings_in(folder: Path, plans: str | Mapping[str, str], **settings: Any) -> Settings:
    """Settings of a server whose plans, records and bundles are all in `folder`."""
    dialplans = folder / "plans"
    dialplans.mkdir(parents=True, exist_ok=True)
    for name, text in ({"plan": plans} if isinstance(plans, str) else plans).items():
        (dialplans / f"{name}.yaml").write_text(text)
    defaults: dict[str, Any] = {
        "sip": Sip(listen=LISTEN),
        "limits": FEW,
        "store": Store(
            database=f"sqlite+aiosqlite:///{folder.absolute()}/calls.sqlite3",
            bundles=folder.absolute() / "bundles",
        ),
        "dialplans": (dialplans,),
        "tools": (),
    }
    return Settings(**(defaults | settings))
