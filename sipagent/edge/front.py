"""Edge: the SIP front door, put together."""

import asyncio
import time

import structlog

from sipagent.config import Settings

from .admission import Admission
from .answers import Answers
from .counters import Counters
from .courier import Courier
from .desk import Address, Desk
from .door.doorman import Doorman
from .farewell import Farewell
from .fork import Forks
from .guard import Guard
from .headers import Bad
from .hep.capture import Capture
from .identity import Identity
from .inbound import Inbound
from .listeners import Listeners, Peer, UdpSocket, shielded
from .memory import Memory
from .message import BadMessage, parse
from .names import Dns
from .outbound import Outbound
from .proxy import Proxy
from .registrar import Registrar, Registration
from .requests import Requests
from .resolver import Resolver
from .revival import Revival
from .routing import told_address
from .sharing import Book
from .texts import Texts
from .timers import Timers
from .tls import Tls
from .transactions import Table
from .trunks.board import Trunks
from .trunks.enrolment import Wire
from .trunks.through import trunks_of
from .trunks.turns import Always, Turns
from .vouched import Fronts

_log = structlog.get_logger(__name__)
_LOOPBACK = "127.0.0.1"


class Edge:
    """A record-routing proxy between the world and the workers, with a guard at the door.

    `start` binds the sockets; until then there is no address to speak of. `trunks.start` makes
    us known to trunks, when calls can be taken. Making one raises
    BadCertificate.
    """

    def __init__(
        self,
        settings: Settings,
        desk: Desk,
        *,
        timers: Timers | None = None,
        book: Book | None = None,
    ) -> None:
        """`book` is where all nodes of a cluster find phones."""
        self.counters = Counters()
        self._book = book
        self._settings = settings
        self._desk = desk
        self._timers = timers or Timers()
        self._tls = Tls(settings.sip.tls)
        self.doorman = Doorman(settings, self.counters, time.monotonic)
        front = settings.cluster.front if settings.cluster is not None else None
        self._fronts = Fronts(front.trusted if front is not None else (), self.counters)
        self._listeners = Listeners(
            self._from_world,
            self.counters,
            self._timers,
            self._tls,
            self.doorman,
            max_message=settings.sip.max_message,
        )
        self._listeners.on_request = self.doorman.spoken_to
        self.doorman.on_ban = self._banned
        #: whose it is to register trunks; another before `start`
        self.turns: Turns = Always()
        self._sweeper: asyncio.Task[None] | None = None
        #: copies for a capture server; None without `hep:`
        self.capture = Capture(settings.hep) if settings.hep is not None else None
        if self.capture is not None:
            self._listeners.on_sent = self.capture.went

    async def start(self, host: str | None = None, memory: Memory | None = None) -> None:
        """Open all sockets, and go on where the process that left `memory` ended; `host` is our
        public one, where the settings do not say it.

        Raises OSError, with nothing left open.
        """
        memory = memory or Memory()
        try:
            self._listeners.open(self._settings.sip.listen)
            inside = self._open_inside(memory.port)
        except OSError:
            await self._listeners.close()
            raise
        bound = self._listeners.bound
        public = told_address(host or self._settings.sip.public_address, bound[0][1])
        self._listeners.open_loop(public)
        identity = Identity(public, inside.local, bound, memory.secret)
        self._proxy = Proxy(
            desk=self._desk,
            identity=identity,
            listeners=self._listeners,
            inside=inside,
            counters=self.counters,
            timers=self._timers,
            doorman=self.doorman,
            incoming=Table(self._timers),
            outgoing=Table(self._timers),
        )
        names = Dns(self._settings.sip.nameservers, patience=self._timers.reach / 2)
        self._resolver = Resolver(self._listeners, identity, self._timers, names)
        self._farewell = Farewell(self._proxy, self._resolver)
        self._requests = Requests(self._listeners, identity, self._timers)
        wire = Wire(self._listeners, identity, self._requests, self._resolver, self.turns)
        self.trunks = Trunks(trunks_of(self._settings), wire, self._proxy)
        self._guard = guard = Guard(
            self._settings,
            asyncio.get_running_loop().time,
            self.doorman,
            self.trunks.sender,
            self._desk.expects,
        )
        self._registrar = Registrar(self._proxy, guard, self._settings, self._book)
        admission = Admission(self._proxy, guard, self._farewell, self.trunks)
        courier = Courier(self._proxy, wire, self._registrar)
        texts = Texts(self._proxy, guard, self.trunks, courier, self._settings)
        self._inbound = Inbound(self._proxy, admission, self._registrar, self._farewell, texts)
        self._answers = Answers(self._proxy, self._farewell, self._requests)
        self._forks = Forks(
            self._proxy, self._resolver, self._registrar, self._answers, self._farewell
        )
        self._outbound = Outbound(self._proxy, self._resolver, self.trunks, self._forks, texts)
        revival = Revival(self._proxy, self._forks, self._farewell, self._registrar, self.trunks)
        revival.begin(memory.journal)
        self._sweeper = asyncio.create_task(self._sweep())
        if self.capture is not None:
            self.capture.start()
        _log.info("sip_listening", bound=bound, public=public)

    async def close(self) -> None:
        """Close all sockets; calls that still live are not ended here. Idempotent."""
        if self._sweeper is None:
            return
        self._sweeper.cancel()
        await asyncio.gather(self._sweeper, return_exceptions=True)
        self._sweeper = None
        await self.trunks.close()
        self._requests.close()
        await self._proxy.tasks.stop()
        await self._registrar.close()
        await self._resolver.close()
        self._forks.close()
        self._farewell.close()
        self._proxy.inside.close()
        await self._listeners.close()
        if self.capture is not None:
            await self.capture.close()

    @property
    def public_address(self) -> Address:
        """Where peers reach us: as configured, or the first listener's own address."""
        return self._proxy.identity.public

    @property
    def internal_address(self) -> Address:
        """The UDP socket workers send to (`proxies=[sip:HOST:PORT;lr]`)."""
        return self._proxy.identity.internal

    @property
    def bound(self) -> tuple[tuple[str, Address], ...]:
        """Transport and address of each public socket, in the order of the settings."""
        return tuple(self._listeners.bound)

    @property
    def dialogs(self) -> int:
        """Dialogs held in memory, early ones too."""
        return len(self._proxy.dialogs)

    @property
    def transactions(self) -> int:
        """INVITEs held in memory, finished ones for a while too."""
        return len(self._proxy.incoming) + len(self._proxy.outgoing) + len(self._forks)

    @property
    def bindings(self) -> tuple[Registration, ...]:
        """Where our phones can be reached now."""
        return self._registrar.registrations()

    def worker_ready(self, token: str, address: Address) -> None:
        """A worker speaks SIP at that address."""
        self._proxy.roster.add(token, address)

    def worker_gone(self, token: str, *, too_slow: bool = False, orderly: bool = False) -> None:
        """A worker ended: its remote parties, if any are left, hear of it from us. `too_slow`: it
        was given up before its call had reached it; `orderly`: it had ended its call itself.
        """
        self._proxy.roster.remove(token)
        self._forks.worker_gone(token)
        self._farewell.worker_gone(token, too_slow=too_slow, orderly=orderly)
        if self.capture is not None:
            self.capture.threads.gone(token)

    def bans_changed(self) -> None:
        """Somebody banned a source by hand: its connections end."""
        self._listeners.cut_off(self.doorman.banned)

    def reload(self, settings: Settings) -> None:
        """Whom we let in, who registers with us, and where we register, from now on; calls that
        live are not touched. Sockets and certificates stay as they are.
        """
        self._settings = settings
        self._guard.reload(settings)
        self._registrar.reload(settings)
        self.trunks.reload(trunks_of(settings))

    def reload_certificates(self) -> None:
        """Read certificates again for connections to come; those that stand are not touched.

        Raises BadCertificate, with the old ones in force.
        """
        self._tls.reload()

    def moved(self, host: str) -> None:
        """The world sees us at another address: trunks hear of it, and calls to come."""
        public = (host, self.public_address[1])
        self._proxy.identity.move(public)
        self._listeners.open_loop(public)
        self.trunks.register_now()

    def _banned(self, source: str) -> None:
        # not now: one of them may have brought the message that had it banned
        asyncio.get_running_loop().call_soon(self._listeners.cut_off, self.doorman.banned)

    def _open_inside(self, port: int) -> UdpSocket:
        """The socket workers know. Raises OSError where there is none at all."""
        receive = shielded(self._from_inside, self.counters)
        try:
            return UdpSocket(_LOOPBACK, port, receive, self.counters)
        except OSError as error:
            # calls of the process before us cannot reach us: they are hung up
            _log.error("internal_port_taken", port=port, cause=str(error))
            return UdpSocket(_LOOPBACK, 0, receive, self.counters)

    def _from_world(self, data: bytes, peer: Peer) -> None:
        if self._sweeper is None:
            return  # not all of us stands yet: as if it had been lost on the way
        if not self.doorman.hears(peer):
            return
        if self.capture is not None:
            self.capture.came(data, self._listeners.flow(peer.flow), peer)
        try:
            message = parse(data, self._settings.sip.max_message)
            if message.is_request:
                source = self._fronts.source(message, peer)
                heard = source.host == peer.host or self.doorman.hears(source)
                if heard and self.doorman.takes(message, source):
                    self._inbound.request(message, peer, source)
                return
            if self._proxy.lift(message) and not self._forks.answered(message, peer):
                self._answers.from_world(message, peer)
        except BadMessage as bad:
            self.counters.bad += 1
            self._inbound.refuse(bad, peer)
        except Bad as bad:
            self.counters.bad += 1
            _log.debug("sip_bad_message", peer=str(peer), reason=bad.reason)

    def _from_inside(self, data: bytes, address: Address) -> None:
        if self._sweeper is None:
            return
        worker = self._proxy.roster.at(address)
        if worker is None:
            self.counters.stray += 1
            return
        try:
            message = parse(data)
            if self.capture is not None:
                self.capture.threads.joins(message.call_id, worker.token)
            if message.is_request:
                self._outbound.request(message, worker)
            else:
                self._answers.from_worker(message, worker)
        except Bad as bad:
            self.counters.bad += 1
            _log.warning("sip_bad_message_of_worker", token=worker.token, reason=bad.reason)

    async def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self._timers.sweep)
            now = loop.time()
            self._proxy.incoming.sweep(now)
            self._proxy.outgoing.sweep(now)
            self._forks.sweep(now)
            self._registrar.sweep(now)
            self._listeners.sweep(now)
            self.doorman.sweep()
