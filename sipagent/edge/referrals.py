"""REFER and Replaces at the front door: which dialog is meant, and what a worker is told of it."""

from sipagent.call.leg import REPLACES_HEADER, TAKEN

from .dialogs import Dialogs, Key
from .headers import Bad, parameters, parse_name_addr, parse_uri, split
from .identity import TOKEN_PREFIX, Identity, hostport
from .message import Message, header
from .roster import Worker

_INSIDE = REPLACES_HEADER.lower().encode()


def replaced(invite: Message, dialogs: Dialogs) -> tuple[int, str]:
    """The worker whose dialog an INVITE is to replace, or the status that says no (RFC 3891
    section 3): 481 no such dialog, 486 it was wanted only while it rang. Raises Bad (400).
    """
    values = invite.values(b"replaces")
    if len(values) != 1 or invite.get(b"join") is not None:
        raise Bad("an INVITE replaces one dialog")
    call_id, *rest = split(values[0], b";")
    named = parameters(b";".join(rest))
    tags = named.get(b"to-tag", b""), named.get(b"from-tag", b"")
    if not all(tags):
        raise Bad("Replaces names no dialog")
    dialog = dialogs.get(Key(call_id.strip(), *tags))
    if dialog is None:
        return 481, ""
    if dialog.confirmed:
        return (486, "") if b"early-only" in named else (0, dialog.token)
    # one that rings here is not the caller's to give away; one that we ring may be picked up
    return (0, dialog.token) if dialog.remote_cseq == 0 else (481, "")


def inside(request: Message, identity: Identity) -> None:
    """Put what a worker's stack would act upon by itself into words of our own."""
    request.remove((_INSIDE,))
    replaces = request.get(b"replaces")
    if request.method == b"INVITE" and replaces is not None:
        request.remove((b"replaces",))
        call_id = split(replaces, b";")[0].strip()
        request.headers.append(header(REPLACES_HEADER.encode(), call_id))
    elif request.method == b"REFER":
        _one_name(request, identity)


def _one_name(refer: Message, identity: Identity) -> None:
    """A Refer-To at any of our addresses, at the one address a worker knows us by. Raises Bad."""
    values = refer.values(b"refer-to")
    if len(values) != 1:
        raise Bad("a REFER has one Refer-To")
    # baresip leaves the brackets out that a URI with headers must stand in (RFC 3261 section 20)
    value = values[0] if b"<" in values[0] else b"<%b>" % values[0]
    uri = parse_name_addr(value).uri
    if uri.lower().startswith((b"sip:", b"sips:")):  # tel: is nobody's address
        bare, mark, headers = uri.partition(b"?")
        known = parse_uri(bare)
        if identity.is_ours(known.address):
            uri = b"sip:%b@%b%b%b" % (known.user, hostport(identity.public), mark, headers)
    refer.replace(b"refer-to", header(b"Refer-To", b"<%b>" % uri))


def taken(answer: Message, worker: Worker, identity: Identity) -> None:
    """Make a worker's way of saying so a 202, with the Contact it needs (RFC 3515 section 2.2)."""
    if answer.cseq.method != b"REFER" or answer.status != TAKEN:
        return
    answer.start, answer.status = b"SIP/2.0 202 Accepted", 202
    contact = b"<sip:%b%b@%b>" % (
        TOKEN_PREFIX,
        worker.token.encode(),
        hostport(identity.public),
    )
    answer.replace(b"contact", header(b"Contact", contact))
