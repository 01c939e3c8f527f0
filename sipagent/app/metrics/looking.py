"""Looking: where a scrape finds how the server stands."""

from collections.abc import Callable

from sipagent.edge.front import Edge
from sipagent.store.records import Store
from sipagent.worker.supervisor import Supervisor

from ..ledger import Ledger
from .standing import View


def view_of(
    ledger: Ledger,
    edge: Edge,
    store: Store,
    workers: Callable[[], Supervisor | None],
    why_not_ready: Callable[[], str],
) -> View:
    """Of a server whose trunks are there once its workers are."""

    return View(
        live=lambda: ledger.live,
        workers=lambda: () if (known := workers()) is None else known.handles,
        trunks=lambda: edge.trunks.statuses if workers() is not None else (),
        bans=lambda: len(edge.doorman.bans),
        waiting=lambda: store.waiting,
        failing=lambda: store.failing,
        ready=lambda: not why_not_ready(),
    )
