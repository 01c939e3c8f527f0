"""Trial: a server of our own on the settings' addresses and RTP ports, for a call that proves
them. It runs beside the one that serves, on SIP ports that are free.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sipagent.app.gateway import Gateway
from sipagent.app.plans import open_plans
from sipagent.config import Limits, Listener, Log, Settings, Store, Tls
from sipagent.events import CallEnded, Event
from sipagent.testing.audio import write_wav

#: what a trial has of the patient; it takes no calls but its own, and tells nobody of them
_KEPT = frozenset({"sip", "rtp", "media", "guard", "time_zone"})


class Trial:
    """A server that serves one plan, and every event so far."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.events: list[Event] = []
        self._bundles: dict[str, Path] = {}
        self._changed = asyncio.Event()
        gateway.ledger.listeners.append(self._happened)
        gateway.ledger.on_bundle = self._written

    @property
    def place(self) -> str:
        """`host:port` of its SIP."""
        host, port = self.gateway.edge.public_address
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    async def ended(self, call_id: str) -> Path:
        """The folder of a call's records, once it is over and they are written."""
        await self._until(lambda: call_id in self._bundles)
        return self._bundles[call_id]

    def end_of(self, call_id: str) -> CallEnded | None:
        """How a call ended, if it has."""
        ends = (e for e in self.events if isinstance(e, CallEnded) and e.call_id == call_id)
        return next(ends, None)

    async def _until(self, wanted: Callable[[], bool]) -> None:
        while not wanted():
            self._changed.clear()
            await self._changed.wait()

    def _happened(self, event: Event) -> None:
        self.events.append(event)
        self._changed.set()

    def _written(self, call_id: str, folder: Path) -> None:
        self._bundles[call_id] = folder
        self._changed.set()


@asynccontextmanager
async def trial(
    settings: Settings, plan: str, sounds: Mapping[str, bytes], **keys: Any
) -> AsyncIterator[Trial]:
    """Serve `plan`, with `sounds` (PCM, s16le, 8 kHz) beside it, while the block runs; `keys` as
    for `trial_settings`. Raises what a server that cannot start raises.
    """
    with tempfile.TemporaryDirectory(prefix="sipagent-doctor-", ignore_cleanup_errors=True) as made:
        folder = Path(made)
        (folder / "plan.yaml").write_text(plan)
        for name, pcm in sounds.items():
            write_wav(folder / name, pcm)
        own = trial_settings(settings, folder, keys)
        async with Gateway(own, open_plans(own)) as gateway:
            yield Trial(gateway)


def trial_settings(settings: Settings, folder: Path, keys: Mapping[str, Any]) -> Settings:
    """Addresses, media and guard of the patient; records in `folder`; else defaults and `keys`."""
    hosts = dict.fromkeys(listener.host for listener in settings.sip.listen)
    listen = tuple(Listener(transport="udp", host=host, port=0) for host in hosts)
    sip = {"listen": listen, "public_address": None, "tls": Tls(), **keys.get("sip", {})}
    defaults = {
        name: field.get_default(call_default_factory=True)
        for name, field in Settings.model_fields.items()
        if name not in _KEPT
    }
    update = {
        **defaults,
        **keys,
        "sip": settings.sip.model_copy(update=sip),
        "rtp": settings.rtp.model_copy(update={"public_address": None, **keys.get("rtp", {})}),
        # one call on a machine that may be ill: patience is no harm
        "limits": Limits(calls=2, warm=1, claim_seconds=10, drain_seconds=0),
        "store": Store(
            database=f"sqlite+aiosqlite:///{folder}/trial.sqlite3", bundles=folder / "calls"
        ),
        "log": Log(level="error"),
        "tools": (),
        "dialplans": (folder / "plan.yaml",),
    }
    return settings.model_copy(update=update)
