"""The HTTP door of this server: opened where the settings want one, with all that is behind it."""

from collections.abc import Callable

from sipagent.api import pages
from sipagent.api.audit import Audit, AuditedCalls
from sipagent.api.calls import LiveCalls
from sipagent.api.doors import Doors, Phones
from sipagent.api.keyring import Keyring
from sipagent.api.mcp import server as mcp
from sipagent.api.nodes_view import Nodes
from sipagent.api.operating import Drains, System
from sipagent.api.packer import Packer
from sipagent.api.receivers import Receivers
from sipagent.api.record_book import RecordBook
from sipagent.api.server import HttpServer
from sipagent.config import Api, Settings

from .keeping import Keeping


class HttpDoor:
    """Closed where `api` is not in the settings."""

    def __init__(
        self,
        settings: Settings,
        calls: LiveCalls,
        why_not_ready: Callable[[], str],
        *,
        records: RecordBook | None = None,
        system: System | None = None,
        drains: Drains | None = None,
        phones: Phones | None = None,
        metrics: Callable[[str], tuple[bytes, str]] | None = None,
        packer: Packer | None = None,
        receivers: Receivers | None = None,
        nodes: Nodes | None = None,
        keeping: Keeping | None = None,
    ) -> None:
        """Raises ConfigError where a token cannot be read."""
        self._server: HttpServer | None = None
        #: what is behind it, where it is open
        self.doors: Doors | None = None
        self._phones = phones
        if settings.api is None:
            return
        audited = AuditedCalls(calls, Audit(settings.store.bundles / "audit.jsonl"))
        if keeping is not None:
            audited.audit.listeners.append(keeping.chronicle.acted)
        mounts = {mcp.PATH: mcp.mount(audited, settings.api)}
        if settings.api.console:
            mounts |= {pages.CONSOLE: pages.console(), pages.HOME: pages.home()}
        if phones is not None:
            mounts[pages.PHONE] = pages.phone()
        self.doors = Doors(
            audited,
            why_not_ready,
            settings.api.streams,
            records=records,
            system=system,
            drains=drains,
            metrics=metrics,
            mounts=mounts,
            phones=phones,
            packer=packer,
            receivers=receivers,
            nodes=nodes,
            keeper=keeping,
        )
        self._server = HttpServer(self.doors, settings.api)

    @property
    def address(self) -> tuple[str, int] | None:
        """Where it listens; None where it is closed."""
        return self._server.address if self._server is not None else None

    async def start(self) -> None:
        """Open it. Raises CannotListen."""
        if self._phones is not None:
            self._phones.tokens.restore()
        if self._server is not None:
            await self._server.start()

    @staticmethod
    def check(settings: Api | None) -> None:
        """Could it be reloaded with these? Raises ConfigError where a token cannot be read."""
        if settings is not None:
            Keyring(settings)

    def reload(self, settings: Api | None) -> None:
        """Others may come in from now on; without settings nobody. Raises ConfigError."""
        if self._server is not None:
            self._server.reload(settings or Api())

    async def close(self) -> None:
        """Idempotent."""
        if self._server is not None:
            await self._server.close()
