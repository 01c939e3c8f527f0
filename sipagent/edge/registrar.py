"""Registrar: REGISTER of our phones, granted or refused (RFC 3261 section 10)."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.utils import formatdate

import structlog

from sipagent.config import Settings
from sipagent.store.bindings import BindingsAway

from .bindings import Binding, Bindings, Changes, OutOfOrder
from .desk import Address
from .guard import Guard
from .headers import Bad
from .inward import Arrival, reply
from .message import Header, header
from .proxy import Proxy
from .registration import TooBrief, Wish, read_wish
from .responses import response
from .sharing import Book, Sharing

_log = structlog.get_logger(__name__)
#: option tags a REGISTER may require of us
_UNDERSTOOD = frozenset((b"path",))
#: answers kept for retransmissions; only phones that proved themselves get one kept
_ANSWERS = 1_000


@dataclass(frozen=True, slots=True)
class Registration:
    """A binding in plain words. `seconds` is how long it still holds."""

    extension: str
    contact: str
    source: Address
    transport: str
    seconds: int
    agent: str


class Registrar:
    """Keeps where the phones of the settings are. A phone registers its own extension, no other;
    the host part of its address is not looked at: we have no list of the names that lead here.
    """

    def __init__(
        self, proxy: Proxy, guard: Guard, settings: Settings, book: Book | None = None
    ) -> None:
        """`book` is where other nodes find them."""
        self.bindings = Bindings(settings.registrar.contacts)
        self.extensions = frozenset(settings.phones)
        self._proxy = proxy
        self._guard = guard
        self._limits = settings.registrar
        self._sharing: Sharing | None = None
        if book is not None and settings.cluster is not None:
            self._sharing = Sharing(book, settings.cluster.node, self.bindings, proxy.listeners)
            proxy.tasks.start(self._sharing.listen())
        #: empty while the other nodes are told of what is asked
        self._answers: dict[bytes, tuple[bytes, float]] = {}
        #: told of each extension whose bindings are others now
        self.on_change: Callable[[str], None] = lambda extension: None

    def restore(self, extension: str, held: Sequence[Binding]) -> None:
        """What the process before us knew; phones that are no more are forgotten."""
        if extension in self.extensions:
            self.bindings.restore(extension, held)

    def reload(self, settings: Settings) -> None:
        """Phones and limits of these settings from now on; one that is gone is not reached."""
        gone = self.extensions - settings.phones.keys()
        self.extensions = frozenset(settings.phones)
        self._limits = settings.registrar
        for extension in gone:
            self.bindings.restore(extension, ())
            self.on_change(extension)

    def register(self, arrival: Arrival) -> None:
        """A REGISTER. Raises Bad."""
        kept = self._answers.get(arrival.branch)
        if kept is not None:
            if kept[0]:
                self._proxy.listeners.send(kept[0], arrival.reply_to)
            return
        wanted = [v for v in arrival.request.values(b"require") if v.lower() not in _UNDERSTOOD]
        if wanted:
            self._refuse(arrival, 420, extra=(header(b"Unsupported", b", ".join(wanted)),))
            return
        verdict = self._guard.judge_registration(arrival.request, arrival.source)
        if verdict.status == 401:
            self._proxy.counters.challenged += 1
            reply(self._proxy, arrival, 401, extra=verdict.extra)
        elif verdict.status or verdict.account is None:
            self._refuse(arrival, verdict.status or 403, why="wrong credentials")
        else:
            self._proven(arrival, verdict.account)

    @property
    def shares(self) -> bool:
        """True where other nodes may know more: `refresh` is to be awaited before a phone rings."""
        return self._sharing is not None

    async def refresh(self, extension: str) -> None:
        """Hear what other nodes were told of a phone."""
        if self._sharing is not None and extension in self.extensions:
            await self._sharing.refresh(extension)

    async def close(self) -> None:
        """Let go of what is shared."""
        if self._sharing is not None:
            await self._sharing.close()

    def registrations(self) -> tuple[Registration, ...]:
        """All that hold now."""
        now = asyncio.get_running_loop().time()
        return tuple(self._in_words(*known, now) for known in self.bindings if known[1].until > now)

    def sweep(self, now: float) -> None:
        """Forget bindings that ran out, and answers nobody asks for again."""
        for extension, binding in self.bindings.expire(now):
            self._tell("phone_expired", extension, binding)
            self.on_change(extension)
        for branch, (_, until) in list(self._answers.items()):
            if until <= now:
                del self._answers[branch]

    def _proven(self, arrival: Arrival, account: str) -> None:
        limits = self._limits
        try:
            wish = read_wish(arrival, shortest=limits.min_expires, longest=self._longest(arrival))
            if wish.extension != account:
                self._refuse(arrival, 403, why=f"{account} is not {wish.extension}")
                return
            if any(self._proxy.identity.is_ours(c.peer[1:]) for c in wish.contacts):
                raise Bad("Contact is our own address")
        except TooBrief:
            shortest = header(b"Min-Expires", b"%d" % limits.min_expires)
            self._refuse(arrival, 423, extra=(shortest,), why="interval too brief")
        except Bad as bad:
            self._refuse(arrival, bad.status, why=bad.reason)
        else:
            self._carry_out(arrival, wish)

    def _carry_out(self, arrival: Arrival, wish: Wish) -> None:
        if self._sharing is None:
            self._settle(arrival, wish)
            return
        until = asyncio.get_running_loop().time() + self._proxy.timers.give_up
        self._answers[arrival.branch] = b"", until
        self._proxy.tasks.start(self._share(arrival, wish, self._sharing))

    async def _share(self, arrival: Arrival, wish: Wish, sharing: Sharing) -> None:
        """The 200 goes out when every node can know. Where the database is away this node alone
        knows, and the phone shall come again soon.
        """
        try:
            changes = await sharing.change(wish, self._limits.contacts)
        except BindingsAway as error:
            _log.warning("binding_not_shared", extension=wish.extension, why=str(error))
            self._settle(arrival, wish.at_most(self._limits.min_expires))
        except OutOfOrder as error:
            self._refuse(arrival, 500, why=str(error))
        else:
            self._changed(wish.extension, changes)
            self._grant(arrival, wish)
        finally:
            if self._answers.get(arrival.branch, (b"x",))[0] == b"":
                del self._answers[arrival.branch]

    def _settle(self, arrival: Arrival, wish: Wish) -> None:
        try:
            self._change(wish)
        except OutOfOrder as error:
            self._refuse(arrival, 500, why=str(error))
        else:
            self._grant(arrival, wish)

    def _longest(self, arrival: Arrival) -> int:
        """A connection is closed when it is idle, so that its phone must speak before."""
        longest = self._limits.max_expires
        if self._proxy.listeners.reliable(arrival.peer.flow):
            longest = min(longest, int(self._proxy.timers.idle * 2 / 3))
        return max(longest, self._limits.min_expires)

    def _change(self, wish: Wish) -> None:
        now = asyncio.get_running_loop().time()
        name, bindings = wish.extension, self.bindings
        if wish.everything:
            changes = bindings.clear(name, wish.origin, now)
        else:
            changes = bindings.update(name, wish.contacts, wish.origin, now)
        self._changed(name, changes)

    def _changed(self, name: str, changes: Changes) -> None:
        self.on_change(name)
        for binding in changes.removed:
            self._tell("phone_unregistered", name, binding)
        for binding in changes.added:
            self._tell("phone_registered", name, binding)

    def _grant(self, arrival: Arrival, wish: Wish) -> None:
        self._proxy.counters.registered += 1
        now = asyncio.get_running_loop().time()
        held = self.bindings.of(wish.extension, now)
        extra = [header(b"Contact", _granted(binding, now)) for binding in held]
        if b"path" in (v.lower() for v in arrival.request.values(b"supported")):
            extra += [header(b"Path", path) for path in wish.origin.path]
        extra.append(header(b"Date", formatdate(usegmt=True).encode("ascii")))
        self._answer(arrival, 200, tuple(extra))

    def _refuse(
        self, arrival: Arrival, status: int, *, extra: tuple[Header, ...] = (), why: str = ""
    ) -> None:
        self._proxy.counters.register_refused += 1
        _log.info("registration_refused", status=status, why=why, source=str(arrival.source))
        reply(self._proxy, arrival, status, extra=extra)

    def _answer(self, arrival: Arrival, status: int, extra: tuple[Header, ...]) -> None:
        """Kept for as long as the phone may ask again: a REGISTER that is carried out twice would
        fail the second time, its nonce and its CSeq being used (17.2.2).
        """
        proxy = self._proxy
        tag = proxy.identity.tag(arrival.request)
        data = bytes(response(arrival.request, status, tag=tag, extra=extra))
        if not proxy.listeners.reliable(arrival.peer.flow):
            while len(self._answers) >= _ANSWERS:
                del self._answers[next(iter(self._answers))]
            until = asyncio.get_running_loop().time() + proxy.timers.give_up
            self._answers[arrival.branch] = data, until
        proxy.listeners.send(data, arrival.reply_to)

    def _tell(self, what: str, extension: str, binding: Binding) -> None:
        words = self._in_words(extension, binding, asyncio.get_running_loop().time())
        _log.info(
            what,
            extension=extension,
            contact=words.contact,
            source=str(binding.contact.peer),
            transport=words.transport,
            agent=words.agent,
        )

    def _in_words(self, extension: str, binding: Binding, now: float) -> Registration:
        peer = binding.contact.peer
        flow = self._proxy.listeners.flow(peer.flow)
        return Registration(
            extension,
            binding.contact.uri.decode("utf-8", "replace"),
            (peer.host, peer.port),
            flow.transport.lower() if flow is not None else "",
            max(0, round(binding.until - now)),
            binding.origin.agent,
        )


def _granted(binding: Binding, now: float) -> bytes:
    """A Contact of the 200 (10.3 step 8)."""
    contact = binding.contact
    value = b"<%b>;expires=%d" % (contact.uri, max(1, round(binding.until - now)))
    if contact.q != 1000:
        value += b";q=%.3f" % (contact.q / 1000)
    if contact.outbound:
        instance, _, number = contact.outbound.rpartition(b";")
        value += b";+sip.instance=%b;reg-id=%b" % (instance, number)
    return value
