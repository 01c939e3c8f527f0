"""Chronicle: puts on the audit chain what must not be changed unseen, beside the loop."""

import asyncio
import os
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog

from sipagent.call.cdr import Cdr
from sipagent.config import Settings
from sipagent.errors import ConfigError, Finding
from sipagent.events import Event, PolicyDecided
from sipagent.store.chain import Key
from sipagent.store.chain_file import CALL, ChainFile, Note
from sipagent.store.fingerprint import fingerprint, record_digest
from sipagent.store.vault import PLAIN, Files, VaultError
from sipagent.tasks import lasting, stopped

log = structlog.get_logger(__name__)
#: notes that wait for the disk at most; above: they are counted, and that is put on the chain
_WAITING = 50_000
#: how long notes gather, seconds: a server that is killed loses those of that time
_GATHER = 0.25
_SHORTEST = 16


@dataclass(frozen=True, slots=True)
class _Whole:
    """A call whose bundle is whole; its fingerprint is taken when its turn comes."""

    record: Cdr
    folder: Path
    at: datetime


class Chronicle:
    """Nothing here waits on a disk but its own task, and a disk that fails stops nobody."""

    def __init__(self, file: ChainFile, files: Files = PLAIN) -> None:
        """`files` reads those of bundles."""
        self.file = file
        self._files = files
        self._waiting: deque[Note | _Whole] = deque()
        self._lost = 0
        self._failing = False
        self._turn = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    def put(self, kind: str, **data: Any) -> None:
        """Put something on the chain: JSON, and nothing personal."""
        self._add(Note(kind, data, datetime.now(UTC)))

    def happened(self, event: Event) -> None:
        """A decision of policy. Its reason stays out: numbers stand in it; `call` seals it."""
        if isinstance(event, PolicyDecided):
            data: dict[str, Any] = {"call_id": event.call_id}
            data |= {"verb": event.verb, "by": event.by}
            data |= {"allowed": event.allowed, "confirmed": event.confirmed}
            self._add(Note("policy", data, event.at))

    def acted(self, who: str, origin: str, act: str, call_id: str, outcome: str) -> None:
        """Somebody outside did something; of how it came out only the first word."""
        first = outcome.partition(":")[0]
        self.put("act", by=who, origin=origin, act=act, call_id=call_id, outcome=first)

    def recorded(self, record: Cdr, folder: Path) -> None:
        """A call is over, and its bundle whole."""
        self._add(_Whole(record, folder, datetime.now(UTC)))

    def start(self) -> None:
        """Begin to write."""
        self._task = lasting(self._keep(), "audit chain")

    async def flush(self) -> None:
        """Write what waits; it is on disk then, or was logged as lost."""
        async with self._turn:
            while self._waiting or self._lost:
                await self._write()

    async def close(self) -> None:
        """Write what is left. Idempotent."""
        if self._task is not None:
            await stopped(self._task)
            self._task = None
        await self.flush()

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(_GATHER)
            await asyncio.shield(asyncio.ensure_future(self.flush()))

    async def _write(self) -> None:
        taken, lost = tuple(self._waiting), self._lost
        self._waiting.clear()
        self._lost = 0
        try:
            await asyncio.to_thread(self._written, taken, lost)
            self._failing = False
        except OSError as error:
            if not self._failing:
                log.error("audit_chain_failed", cause=str(error), lost=len(taken) + lost)
            self._failing = True

    def _written(self, taken: tuple[Note | _Whole, ...], lost: int) -> None:
        notes = [_sealed(one, self._files) if isinstance(one, _Whole) else one for one in taken]
        if lost:
            notes.append(Note("lost", {"count": lost}, datetime.now(UTC)))
        self.file.add(notes)

    def _add(self, one: Note | _Whole) -> None:
        if len(self._waiting) >= _WAITING:
            self._lost += 1
        else:
            self._waiting.append(one)


def _sealed(one: _Whole, files: Files) -> Note:
    data: dict[str, Any] = {"call_id": one.record.call_id, "record": record_digest(one.record)}
    try:
        data["files"] = fingerprint(one.folder, one.record, files)
    except (OSError, VaultError) as error:
        log.warning("bundle_not_on_chain", call_id=one.record.call_id, cause=str(error))
    return Note(CALL, data, one.at)


def chain_file(settings: Settings) -> ChainFile:
    """The chain of this node. Raises ConfigError where a key is missing."""
    keys = keys_of(settings)
    return ChainFile(
        # nodes may share the folder of bundles
        settings.store.bundles / ".audit" / settings.node,
        settings.state_folder / "audit.head",
        keys[0] if keys else None,
    )


def keys_of(settings: Settings, environment: Mapping[str, str] = os.environ) -> tuple[Key, ...]:
    """The newest first. Raises ConfigError."""
    return tuple(_key(name, environment) for name in settings.audit.key_env)


def _key(name: str, environment: Mapping[str, str]) -> Key:
    secret = environment.get(name, "").strip()
    if len(secret) < _SHORTEST:
        why = f"the environment variable {name} has to hold at least {_SHORTEST} characters"
        hint = "openssl rand -base64 32 makes a key"
        raise ConfigError([Finding("sipagent.yaml", 1, "audit.key_env", why, hint=hint)])
    return Key(secret.encode())
