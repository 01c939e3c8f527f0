"""Making `Keeping`: beside a server that runs, and alone, while none does."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from sipagent.app.hooks import Webhooks
from sipagent.app.live import Live
from sipagent.app.node import Alone, Node
from sipagent.app.state import State, read_secret
from sipagent.app.toll_keeping import TollKeeper
from sipagent.app.uploads import Uploads
from sipagent.config import Settings
from sipagent.store.journal import Journal

from .everywhere import NoPeers
from .keeping import Around, Keeping, Parties, busy_in, parties_of
from .places import HookSpools, Remembered, SpoolFiles


def keeping_of(
    settings: Callable[[], Settings],
    state: State,
    live: Live,
    hooks: Webhooks,
    tolls: TollKeeper,
    *,
    uploads: Uploads,
    node: Node | Alone,
) -> Keeping:
    """Of a server: it hears of what happens by the ledger. Raises ConfigError."""
    ledger = live.ledger

    def busy() -> Sequence[tuple[str, Parties]]:
        known = dict(busy_in(state.journal))
        for call_id in ledger.calls():
            record = ledger.record(call_id)
            known[call_id] = parties_of(record.events) if record is not None else ()
        return list(known.items())

    around = Around(
        secret=lambda: state.secret,
        journal=state.journal,
        upgrade=True,
        busy=busy,
        flush=live.store.flush,
        lease=(lambda: node.leases.hold("retention")) if isinstance(node, Node) else None,
        forget_tolls=tolls.forget,
        places=(Remembered(live), HookSpools(hooks), *uploads.objects),
        tell=ledger.noted,
        peers=node.erasing if isinstance(node, Node) else None,
    )
    made = Keeping(settings, around)
    made.pruning.others += uploads.objects
    ledger.listeners.append(made.chronicle.happened)
    ledger.whole.append(made.chronicle.recorded)
    return made


@contextmanager
def keeping_alone(settings: Settings, *, exclusive: bool) -> Iterator[Keeping]:
    """For a command. `exclusive`: no server may run meanwhile. Raises SipAgentError where one does,
    ConfigError, OSError. Give it back with `close`.
    """
    state = State(settings.state_folder)
    if exclusive:
        state.open()
        journal, secret = state.journal, state.secret
    else:
        journal = Journal(settings.state_folder / "journal.jsonl")
        journal.read()
        secret = read_secret(settings.state_folder)
    uploads = Uploads(settings)
    try:
        made = Keeping(
            lambda: settings,
            Around(
                secret=lambda: secret,
                journal=journal,
                busy=lambda: busy_in(journal),
                places=(SpoolFiles(settings.state_folder / "webhooks"), *uploads.objects),
                peers=NoPeers(settings.node) if settings.cluster is not None else None,
            ),
        )
        made.pruning.others += uploads.objects
        if settings.cluster is not None:
            made.pruning.leads = lambda: False
        yield made
    finally:
        if exclusive:
            state.close()
