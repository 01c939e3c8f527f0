"""Board: all trunks, for the rest of the front door."""

import asyncio
from collections.abc import Mapping, Sequence

import structlog

from sipagent.config import Trunk
from sipagent.edge.headers import Bad, Uri, parse_name_addr, parse_uri
from sipagent.edge.listeners import Peer
from sipagent.edge.message import Message
from sipagent.edge.proxy import Proxy
from sipagent.tasks import Background
from sipagent.worker.dialing import TRUNK_HEADER

from .account import Account
from .enrolment import Wire
from .status import TrunkStatus

_log = structlog.get_logger(__name__)
_MARK = TRUNK_HEADER.lower().encode()
_ANONYMOUS = "sip:anonymous@anonymous.invalid"
_HIDING = frozenset((b"id", b"user"))


class Trunks:
    """Registers them, watches them, and knows whose call is whose."""

    def __init__(self, trunks: Mapping[str, Trunk], wire: Wire, proxy: Proxy) -> None:
        self._accounts = {
            name: Account(name, trunk, wire, proxy.dialogs, proxy.timers)
            for name, trunk in trunks.items()
        }
        self._wire = wire
        self._proxy = proxy
        self._resolver = wire.resolver
        self._tasks = Background()
        self._running = False

    def start(self) -> None:
        """Begin to register and to ask."""
        self._running = True
        for account in self._accounts.values():
            account.start()

    def reload(self, trunks: Mapping[str, Trunk]) -> None:
        """These trunks from now on: others leave, one that changed begins anew, and live calls
        stay counted.
        """
        before, self._accounts = self._accounts, {}
        for name, trunk in trunks.items():
            known = before.pop(name, None)
            if known is not None and known.trunk == trunk:
                self._accounts[name] = known
                continue
            account = Account(name, trunk, self._wire, self._proxy.dialogs, self._proxy.timers)
            self._accounts[name] = account
            if known is not None:
                account.capacity.take_over(known.capacity)
                before[name] = known
        for old in before.values():
            self._tasks.start(self._replace(old, self._accounts.get(old.name)))
        for name in self._accounts.keys() - before.keys():
            if self._running:
                self._accounts[name].start()

    async def _replace(self, old: Account, new: Account | None) -> None:
        """One after the other: what the old registration takes back is not the new one's."""
        await old.close()
        await old.leave()
        if new is not None and self._running and self._accounts.get(new.name) is new:
            new.start()

    async def leave(self) -> None:
        """Stop, and take every registration back: no call shall come any more. Idempotent."""
        await self.close()
        await asyncio.gather(*(account.leave() for account in self._accounts.values()))

    async def close(self) -> None:
        """Stop without a word."""
        self._running = False
        await self._tasks.stop()
        await asyncio.gather(*(account.close() for account in self._accounts.values()))

    def register_now(self) -> None:
        """Look names up and register again at once: our address changed, or somebody asks."""
        self._resolver.forget()
        for account in self._accounts.values():
            account.register_now()

    @property
    def statuses(self) -> Sequence[TrunkStatus]:
        """Each trunk as it is now, in the order of the settings."""
        return [account.status for account in self._accounts.values()]

    def get(self, name: str | None) -> Account | None:
        """By name."""
        return self._accounts.get(name) if name is not None else None

    def sender(self, invite: Message, source: Peer) -> str | None:
        """The registered trunk an INVITE of the world comes from. Raises Bad."""
        if not self._accounts:
            return None
        uri = parse_uri(invite.uri)
        return next((a.name for a in self._accounts.values() if a.sent(uri, source)), None)

    def at(self, uri: Uri) -> Account | None:
        """The trunk that a number at its host is dialled by, marked or not."""
        hosts = ((a, a.trunk.host.lower()) for a in self._accounts.values())
        return next((a for a, host in hosts if host == uri.host and uri.user), None)

    def take_mark(self, request: Message) -> Account | None:
        """The trunk a worker's request asks for. The mark itself stays inside."""
        mark = request.get(_MARK)
        if mark is None:
            return None
        request.remove((_MARK,))
        return self.get(mark.decode("utf-8", "replace"))

    def told(self, account: Account | None, invite: Message) -> tuple[str, str, str]:
        """Caller, callee and number of an INVITE, as plans see them. Raises Bad."""
        uri = parse_uri(invite.uri)
        caller, callee, number = _text(invite.from_.uri), _text(invite.uri), _user(uri)
        if account is None:
            return caller, callee, number
        if account.is_contact(uri):
            callee, number = _called(invite, callee, number)
        if account.trunk.trust_identity:
            caller = _asserted(invite) or caller
        plan = account.trunk.numbers
        if plan is None:
            return caller, callee, number
        return plan.e164_uri(caller), plan.e164_uri(callee), plan.e164(number)


def _called(invite: Message, callee: str, number: str) -> tuple[str, str]:
    """Whom a call to our Contact is for: P-Called-Party-ID (RFC 7315), else To."""
    for value in (invite.get(b"p-called-party-id"), invite.get(b"to")):
        if value is None:
            continue
        try:
            address = parse_name_addr(value).uri
            user = _user(parse_uri(address))
        except Bad:
            continue
        if user:
            return _text(address), user
    return callee, number


def _asserted(invite: Message) -> str | None:
    """Who the trunk says is calling (RFC 3325); nobody, when that is not to be shown."""
    try:
        values = invite.values(b"p-asserted-identity")
        identities = [parse_name_addr(value).uri for value in values]
    except Bad:
        return None
    wishes = {wish.strip().lower() for wish in invite.text(b"privacy").split(b";")}
    if identities and wishes & _HIDING:
        return _ANONYMOUS
    return _text(identities[0]) if identities else None


def _user(uri: Uri) -> str:
    return _text(uri.user.partition(b";")[0].partition(b":")[0])


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")
