"""Dialog memory: enough of every dialog to route in it, and to end it for a dead worker."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from .headers import parse_name_addr
from .listeners import Peer
from .message import Message

#: dialogs one worker may have; its SIP stack has four calls, a forking proxy may answer for more
A_WORKER = 64


class Key(NamedTuple):
    """RFC 3261 section 12: Call-ID, the tag on our side, the tag on theirs."""

    call_id: bytes
    local_tag: bytes
    remote_tag: bytes


@dataclass(slots=True)
class Dialog:
    """The state RFC 3261 section 12.1 names, as the worker would have it.

    `local` and `remote` are From and To of a request from our side, tags included; `cseq` and
    `remote_cseq` the last numbers seen in each direction. `peer` is the connection (or the far
    side of a NAT) requests must go by; None where the route set or the target says it all.
    """

    key: Key
    token: str
    local: bytes
    remote: bytes
    target: bytes
    routes: tuple[bytes, ...]
    cseq: int
    remote_cseq: int
    flow: int
    peer: Peer | None = None
    confirmed: bool = False


class Dialogs:
    """All dialogs of living workers. One ends with its BYE, or with its worker.

    `changed` is told of each that begins or moves on, `over` of each that ends.
    """

    def __init__(self) -> None:
        self.changed: Callable[[Dialog], None] = lambda dialog: None
        self.over: Callable[[Dialog], None] = lambda dialog: None
        self._dialogs: dict[Key, Dialog] = {}
        self._of_worker: dict[str, set[Key]] = defaultdict(set)
        self._by_local: dict[tuple[bytes, bytes], str] = {}

    def __len__(self) -> int:
        return len(self._dialogs)

    def find(self, call_id: bytes, local_tag: bytes) -> str | None:
        """Token of the worker that has a dialog with this Call-ID and tag of its own."""
        return self._by_local.get((call_id, local_tag))

    def holds(self, token: str, call_id: bytes) -> bool:
        """True while a worker has a dialog with this Call-ID."""
        return any(key.call_id == call_id for key in self._of_worker.get(token, ()))

    def get(self, key: Key) -> Dialog | None:
        """One dialog."""
        return self._dialogs.get(key)

    def answered_by_worker(
        self, token: str, invite: Message, response: Message, flow: int, peer: Peer | None
    ) -> None:
        """A worker answered an INVITE of the world 101-299 with a To tag (section 12.1.1)."""
        key = Key(response.call_id, response.to.tag, response.from_.tag)
        self._note(
            Dialog(
                key,
                token,
                local=response.text(b"to"),
                remote=response.text(b"from"),
                target=_contact(invite),
                routes=tuple(invite.values(b"record-route")),
                cseq=0,
                remote_cseq=invite.cseq.number,
                flow=flow,
                peer=peer,
                confirmed=response.status >= 200,
            )
        )

    def answered_by_world(
        self, token: str, response: Message, flow: int, peer: Peer | None
    ) -> None:
        """The world answered a worker's INVITE 101-299 with a To tag (section 12.1.2).

        The response still has the far end's Record-Route headers only.
        """
        key = Key(response.call_id, response.from_.tag, response.to.tag)
        if (known := self._dialogs.get(key)) is not None:
            known.target = _contact(response) or known.target
        self._note(
            Dialog(
                key,
                token,
                local=response.text(b"from"),
                remote=response.text(b"to"),
                target=_contact(response),
                routes=tuple(reversed(response.values(b"record-route"))),
                cseq=response.cseq.number,
                remote_cseq=0,
                flow=flow,
                peer=peer,
                confirmed=response.status >= 200,
            )
        )

    def request_of_worker(self, request: Message) -> None:
        """A worker sends inside a dialog: its CSeq moved on."""
        dialog = self._dialogs.get(Key(request.call_id, request.from_.tag, request.to.tag))
        if dialog is not None:
            dialog.cseq = max(dialog.cseq, request.cseq.number)
            self.changed(dialog)

    def request_of_world(self, request: Message, by: Peer | None = None) -> None:
        """The far end sends inside a dialog: its CSeq, perhaps its target (section 12.2.2).

        `by` is the connection it has now, where it uses one.
        """
        dialog = self._dialogs.get(Key(request.call_id, request.to.tag, request.from_.tag))
        if dialog is None:
            return
        dialog.remote_cseq = max(dialog.remote_cseq, request.cseq.number)
        if request.method in (b"INVITE", b"UPDATE") and (target := _contact(request)):
            dialog.target = target
        if by is not None:
            dialog.peer = by
        self.changed(dialog)

    def restore(self, dialog: Dialog) -> None:
        """One of the process before us."""
        self._note(dialog)

    def failed(self, call_id: bytes, local_tag: bytes) -> None:
        """The INVITE got a failure: its early dialogs are over, a confirmed one is not."""
        for key in self._with_local(call_id, local_tag):
            if not self._dialogs[key].confirmed:
                self._forget(key)

    def ended(self, key: Key) -> Dialog | None:
        """A BYE was answered, or is about to be sent for the worker. Returns what is forgotten."""
        dialog = self._dialogs.get(key)
        if dialog is not None:
            self._forget(key)
        return dialog

    def take(self, token: str) -> list[Dialog]:
        """All dialogs of a worker that is gone; they are forgotten here."""
        dialogs = [self._dialogs[key] for key in self._of_worker.get(token, ())]
        for dialog in dialogs:
            self._forget(dialog.key)
        return dialogs

    def _note(self, new: Dialog) -> None:
        old = self._dialogs.get(new.key)
        if old is not None:  # a further provisional, a retransmission or a re-INVITE
            old.confirmed = old.confirmed or new.confirmed
            old.cseq = max(old.cseq, new.cseq)
            self.changed(old)
            return
        keys = self._of_worker[new.token]
        if not (new.key.local_tag and new.key.remote_tag) or len(keys) >= A_WORKER:
            return
        keys.add(new.key)
        self._dialogs[new.key] = new
        self._by_local[new.key.call_id, new.key.local_tag] = new.token
        self.changed(new)

    def _with_local(self, call_id: bytes, local_tag: bytes) -> Iterable[Key]:
        token = self._by_local.get((call_id, local_tag))
        keys = self._of_worker.get(token, set()) if token is not None else set()
        return [k for k in keys if k[:2] == (call_id, local_tag)]

    def _forget(self, key: Key) -> None:
        dialog = self._dialogs.pop(key)
        keys = self._of_worker[dialog.token]
        keys.discard(key)
        if not any(k[:2] == key[:2] for k in keys):
            self._by_local.pop(key[:2], None)
        if not keys:
            del self._of_worker[dialog.token]
        self.over(dialog)


def _contact(message: Message) -> bytes:
    values = message.values(b"contact")
    return parse_name_addr(values[0]).uri if values else b""
