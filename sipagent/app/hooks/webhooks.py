"""Webhooks of this server: every event to each receiver that wants it."""

import asyncio
import ssl
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

import structlog

from sipagent.api.receivers import Tried, UnknownWebhook, WebhookView
from sipagent.call.cdr import Cdr
from sipagent.config import Webhook
from sipagent.config.webhooks import RECORD
from sipagent.events import Event, WebhookChanged

from .courier import Courier
from .selection import body_of, id_of, record_body, record_id, wanted
from .signing import keys_of

_log = structlog.get_logger(__name__)

Settings = Mapping[str, Webhook]


class Webhooks:
    """Behind `Receivers`. `plan_of` knows the plan of a call that lives, `tell` is for what the
    operator should know.
    """

    def __init__(
        self,
        settings: Settings,
        folder: Path,
        *,
        plan_of: Callable[[str], str | None],
        tell: Callable[[WebhookChanged], None],
    ) -> None:
        """Raises ConfigError where a secret cannot be read."""
        self.check(settings)
        self._settings = settings
        self._folder = folder
        self._plan_of = plan_of
        self._tell = tell
        self._couriers: dict[str, Courier] = {}
        #: what any of them wants; most of what happens nobody does
        self._types: frozenset[str] = frozenset()
        self._context: ssl.SSLContext | None = None

    @staticmethod
    def check(settings: Settings) -> None:
        """Could they be had? Raises ConfigError where a secret cannot be read."""
        for name, hook in settings.items():
            keys_of(name, hook)

    async def start(self) -> None:
        """Take up what waits, and begin. Raises ConfigError, OSError."""
        await self.reload(self._settings)
        self._sweep()

    async def reload(self, settings: Settings) -> None:
        """Others from now on. What waits for one that is gone is dropped; the others keep what
        they have. Raises ConfigError, OSError.
        """
        keys = {name: keys_of(name, hook) for name, hook in settings.items()}
        if settings and self._context is None:
            # reads every authority there is
            self._context = await asyncio.to_thread(ssl.create_default_context)
        for name in self._couriers.keys() - settings.keys():
            courier = self._couriers.pop(name)
            await courier.close()
            _log.info("webhook_removed", webhook=name, dropped=courier.clear())
        for name, hook in settings.items():
            assert self._context is not None
            known = self._couriers.get(name)
            if known is not None:
                known.change(hook, keys[name], self._context)
            else:
                courier = Courier(name, self._folder / name, hook, self._tell)
                await courier.start(keys[name], self._context)
                self._couriers[name] = courier
        self._settings = settings
        self._types = frozenset[str]().union(*(hook.types for hook in settings.values()))

    def happened(self, event: Event) -> None:
        """An event of a call, or of the server. On disk for whoever wants it when this returns."""
        if event.type not in self._types:
            return
        plan = self._plan_of(event.call_id)
        bodies: dict[bool, bytes] = {}
        for courier in self._couriers.values():
            hook = courier.settings
            if wanted(hook, event.type, plan):
                if hook.personal not in bodies:
                    bodies[hook.personal] = body_of(event, personal=hook.personal)
                courier.happened(id_of(event), event.call_id, bodies[hook.personal])

    def recorded(self, record: Cdr) -> None:
        """The record of a call is whole."""
        if RECORD not in self._types:
            return
        body = record_body(record)
        for courier in self._couriers.values():
            if wanted(courier.settings, RECORD, record.plan):
                courier.happened(record_id(record), record.call_id, body)

    def views(self) -> Sequence[WebhookView]:
        """See `Receivers`."""
        return tuple(courier.view() for _, courier in sorted(self._couriers.items()))

    @property
    def couriers(self) -> Collection[Courier]:
        """One a receiver."""
        return tuple(self._couriers.values())

    async def test(self, name: str) -> Tried:
        """See `Receivers`."""
        if name not in self._couriers:
            raise UnknownWebhook(name)
        return await self._couriers[name].test()

    async def close(self) -> None:
        """Stop; what waits is kept for the server after us. Idempotent."""
        couriers, self._couriers = self._couriers, {}
        self._types = frozenset()
        await asyncio.gather(*(courier.close() for courier in couriers.values()))

    def _sweep(self) -> None:
        """Away with what waited for webhooks that are not in the settings any more."""
        for path in self._folder.glob("*.*") if self._folder.is_dir() else ():
            if path.name.partition(".")[0] not in self._settings:
                _log.info("webhook_spool_removed", path=str(path))
                path.unlink(missing_ok=True)
