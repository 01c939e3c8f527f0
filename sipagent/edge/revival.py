"""Revival: the front door as the process before us left it, and journalled from now on."""

import asyncio
import time

import structlog

from sipagent.store.journal import Journal, Value
from sipagent.worker.survivors import survivors

from .farewell import Farewell
from .fork import Fork, Forks
from .headers import Bad
from .memory import (
    dialogs,
    drop_dialog,
    incoming,
    note_dialog,
    note_incoming,
    note_outgoing,
    outgoing,
)
from .message import Message, header, parse
from .proxy import Proxy
from .registrar import Registrar
from .responses import response
from .sharing import as_value, from_value
from .transactions import OPEN, Incoming, Outgoing, State
from .trunks.board import Trunks

_log = structlog.get_logger(__name__)
LINE, FORK, BINDING = "line", "fork", "binding"
_AGAIN = header(b"Retry-After", b"1")


class Revival:
    """Reads the journal once, then has everything that changes written to it."""

    def __init__(
        self, proxy: Proxy, forks: Forks, farewell: Farewell, registrar: Registrar, trunks: Trunks
    ) -> None:
        self._proxy = proxy
        self._forks = forks
        self._farewell = farewell
        self._registrar = registrar
        self._trunks = trunks

    def begin(self, journal: Journal) -> None:
        """The sockets are open; nothing has been read from them yet."""
        self._revive(journal)
        proxy = self._proxy
        proxy.dialogs.changed = lambda dialog: note_dialog(journal, dialog)
        proxy.dialogs.over = lambda dialog: drop_dialog(journal, dialog)

        def incoming_changed(call: Incoming) -> None:
            note_incoming(journal, call)
            _note_line(journal, call)

        def outgoing_changed(call: Outgoing) -> None:
            note_outgoing(journal, call)
            _note_line(journal, call)

        proxy.incoming.changed = incoming_changed
        proxy.outgoing.changed = outgoing_changed
        self._forks.on_change(lambda fork: _note_fork(journal, fork))
        self._registrar.on_change = lambda extension: self._note_bindings(journal, extension)

    def _revive(self, journal: Journal) -> None:
        proxy = self._proxy
        # known before they say a word: a BYE may be here sooner
        for survivor in survivors(journal):
            proxy.roster.add(survivor.token, survivor.address)
        for dialog in dialogs(journal):
            proxy.dialogs.restore(dialog)
        for arrived in list(incoming(journal)):
            proxy.incoming.add(arrived)
            if arrived.token is None:  # nobody had it yet; the caller will try again
                self._farewell.refuse(arrived, 503, extra=(_AGAIN,))
                journal.drop("incoming", arrived.branch.decode("latin-1"))
        for left in list(outgoing(journal)):
            proxy.outgoing.add(left)
            if left.fork is not None:
                self._end_branch(left)
        for key, fact in journal.all(FORK).items():
            self._end_fork(fact.owner, fact.value)
            journal.drop(FORK, key)
        for fact in journal.all(LINE).values():
            account = self._trunks.get(fact.value["trunk"])
            if account is not None:
                call_id, tag = fact.value["call_id"].encode(), fact.value["tag"].encode()
                account.capacity.resume(call_id, tag, fact.owner)
        wall = time.time() - asyncio.get_running_loop().time()
        for extension, fact in journal.all(BINDING).items():
            self._registrar.restore(extension, [from_value(v, wall) for v in fact.value["held"]])
        if len(proxy.dialogs):
            _log.info("dialogs_revived", count=len(proxy.dialogs))

    def _end_branch(self, call: Outgoing) -> None:
        """A phone of ours that rang: which of several was to win is not known any more."""
        call.orphan = True
        self._proxy.outgoing.settled(call)
        if call.state is State.PROCEEDING:
            self._farewell.cancel(call)

    def _end_fork(self, token: str, value: Value) -> None:
        worker = self._proxy.roster.get(token)
        try:
            invite = parse(value["head"].encode("latin-1"))
        except Bad:
            return
        if worker is not None:
            tag = self._proxy.identity.tag(invite)
            answer = response(invite, 500, "the server was restarted", tag=tag)
            self._proxy.to_worker(bytes(answer), worker)

    def _note_bindings(self, journal: Journal, extension: str) -> None:
        now = asyncio.get_running_loop().time()
        held = self._registrar.bindings.of(extension, now)
        if held:
            wall = time.time() - now
            journal.put(BINDING, extension, {"held": [as_value(one, wall) for one in held[::-1]]})
        else:
            journal.drop(BINDING, extension)


def _note_line(journal: Journal, call: Incoming | Outgoing) -> None:
    """Whose trunk's line a call is on, once it has a worker."""
    if call.trunk is not None and call.token is not None:
        call_id = call.request.call_id.decode("latin-1")
        tag = call.request.from_.tag.decode("latin-1")
        value = {"trunk": call.trunk, "call_id": call_id, "tag": tag}
        journal.put(LINE, f"{call_id} {tag}", value, call.token)


def _note_fork(journal: Journal, fork: Fork) -> None:
    key = fork.branch.decode("latin-1")
    if fork.state in OPEN:
        head = _without_body(fork.request).decode("latin-1")
        journal.put(FORK, key, {"head": head}, fork.worker.token)
    else:
        journal.drop(FORK, key)


def _without_body(request: Message) -> bytes:
    bare = request.copy()
    bare.remove((b"content-length", b"content-type"))
    bare.body = b""
    return bytes(bare)
