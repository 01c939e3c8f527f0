"""Memory: what of the front door outlives its process, and how it stands in the journal.

The numbers of UDP sockets are the same in every process (`listeners`); those of connections never
come again, so that a peer from before a restart is found by its address or not at all.
"""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sipagent.store.journal import Journal, Value

from .dialogs import Dialog, Key
from .headers import Bad
from .listeners import Peer
from .message import BadMessage, Message, header, parse
from .transactions import OPEN, Incoming, Outgoing, State

DIALOG, INCOMING, OUTGOING = "dialog", "incoming", "outgoing"
_BODY = (b"content-length", b"content-type", b"content-disposition", b"content-encoding")
_NO_BODY = header(b"Content-Length", b"0")


@dataclass(frozen=True, slots=True)
class Memory:
    """`secret` makes branches that a later process recognises; `port` is the internal one, 0 for
    any. The default remembers nothing.
    """

    journal: Journal = field(default_factory=Journal)
    secret: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    port: int = 0


def note_dialog(journal: Journal, dialog: Dialog) -> None:
    """A dialog began or moved on."""
    value = {
        "key": [_text(part) for part in dialog.key],
        "local": _text(dialog.local),
        "remote": _text(dialog.remote),
        "target": _text(dialog.target),
        "routes": [_text(route) for route in dialog.routes],
        "cseq": dialog.cseq,
        "remote_cseq": dialog.remote_cseq,
        "flow": dialog.flow,
        "peer": dialog.peer,
        "confirmed": dialog.confirmed,
    }
    journal.put(DIALOG, _place(dialog.key), value, dialog.token)


def drop_dialog(journal: Journal, dialog: Dialog) -> None:
    """A dialog is over."""
    journal.drop(DIALOG, _place(dialog.key))


def dialogs(journal: Journal) -> Iterator[Dialog]:
    """The dialogs of the process before us."""
    for fact in journal.all(DIALOG).values():
        known = fact.value
        call_id, local_tag, remote_tag = map(_bytes, known["key"])
        yield Dialog(
            Key(call_id, local_tag, remote_tag),
            fact.owner,
            local=_bytes(known["local"]),
            remote=_bytes(known["remote"]),
            target=_bytes(known["target"]),
            routes=tuple(map(_bytes, known["routes"])),
            cseq=known["cseq"],
            remote_cseq=known["remote_cseq"],
            flow=known["flow"],
            peer=_peer(known["peer"]),
            confirmed=known["confirmed"],
        )


def note_incoming(journal: Journal, call: Incoming) -> None:
    """An INVITE of the world came, or a worker has it; or it is answered."""
    if call.state not in OPEN:
        journal.drop(INCOMING, _text(call.branch))
        return
    value = _transaction(call) | {"reply_to": call.reply_to, "sticky": call.sticky}
    journal.put(INCOMING, _text(call.branch), value, call.token or "")


def note_outgoing(journal: Journal, call: Outgoing) -> None:
    """An INVITE of a worker left, rings, or is answered."""
    if call.state not in OPEN or call.orphan:
        journal.drop(OUTGOING, _text(call.branch))
        return
    value = _transaction(call) | {
        "peer": call.peer,
        "wire": _text(call.wire),
        "fork": None if call.fork is None else _text(call.fork),
    }
    journal.put(OUTGOING, _text(call.branch), value, call.token or "")


def incoming(journal: Journal) -> Iterator[Incoming]:
    """INVITEs of the world that the process before us left unanswered."""
    for branch, fact in journal.all(INCOMING).items():
        known, reply_to = fact.value, _peer(fact.value["reply_to"])
        invite = _message(known["head"])
        if invite is not None and reply_to is not None:
            yield Incoming(
                branch=_bytes(branch),
                request=invite,
                token=fact.owner or None,
                state=State[known["state"]],
                reply_to=reply_to,
                sticky=_peer(known["sticky"]),
            )


def outgoing(journal: Journal) -> Iterator[Outgoing]:
    """INVITEs of workers that nobody had answered yet."""
    for branch, fact in journal.all(OUTGOING).items():
        known = fact.value
        invite = _message(known["head"])
        if invite is not None:
            yield Outgoing(
                branch=_bytes(branch),
                request=invite,
                token=fact.owner or None,
                state=State[known["state"]],
                peer=_peer(known["peer"]),
                wire=_bytes(known["wire"]),
                fork=None if known["fork"] is None else _bytes(known["fork"]),
            )


def _transaction(call: Incoming | Outgoing) -> Value:
    bare = call.request.copy()
    bare.remove(_BODY)
    bare.body = b""
    bare.headers.append(_NO_BODY)
    return {"head": _text(bytes(bare)), "state": call.state.name}


def _message(head: str) -> Message | None:
    try:
        return parse(_bytes(head))
    except BadMessage as bad:
        return bad.message
    except Bad:
        return None


def _place(key: Key) -> str:
    return " ".join(map(_text, key))


def _peer(known: Any) -> Peer | None:
    return None if known is None else Peer(*known)


def _text(value: bytes) -> str:
    return value.decode("latin-1")


def _bytes(value: str) -> bytes:
    return value.encode("latin-1")
