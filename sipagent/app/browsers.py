"""Browsers: pages that call, pages that listen by a name, and the workers whose legs they are."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from sipagent.api.browsers import (
    Connected,
    Guest,
    NoAnswer,
    NotAnOffer,
    PhoneSettings,
    Ringing,
    UnknownNumber,
    UnknownRing,
    UnknownSession,
)
from sipagent.api.calls import Denied, NoRoomNow
from sipagent.config import Settings, Webrtc
from sipagent.dialplan.routes import fits
from sipagent.edge.desk import Refused
from sipagent.legs.webrtc.captions import Sees
from sipagent.legs.webrtc.offer import BadOffer, checked
from sipagent.worker.browsing import (
    BrowserAnswered,
    BrowserCall,
    BrowserLeft,
    BrowserOffered,
    BrowserOver,
    BrowserRings,
    BrowserStops,
    FromWorker,
)
from sipagent.worker.handle import WorkerHandle

from .pace import Pace
from .page_rings import Listener, PageRings
from .reception import Reception
from .turn import told

#: seconds a worker has to answer an offer
ANSWERS = 10.0


@dataclass(slots=True)
class _Session:
    """A page in a call, or on its way into one."""

    worker: WorkerHandle
    owner: str  #: of the page's token
    answer: "asyncio.Future[BrowserAnswered]"


class BrowserDesk:
    """`api.webrtc.Browsers` of this server, and what workers say of browsers."""

    def __init__(self, settings: Callable[[], Settings], reception: Reception) -> None:
        self._settings = settings
        self._reception = reception
        self._pace = Pace()
        self._sessions: dict[str, _Session] = {}
        self._rings = PageRings()

    # The pages' side.

    def settings(self, guest: Guest) -> PhoneSettings:
        """See `Browsers`."""
        webrtc, now = self._webrtc, time.time()
        sees = self._sees(guest, webrtc)
        return PhoneSettings(
            ice_servers=tuple(told(s, guest.client.name, now) for s in webrtc.ice_servers),
            events=sees == "all",
            captions=sees != "nothing",
        )

    async def call(self, to: str, offer: str, guest: Guest) -> Connected:
        """See `Browsers`."""
        webrtc, owner = self._webrtc, _owner(guest)
        wanted = _offer(offer)
        allowed = webrtc.to if guest.client.to is None else guest.client.to
        if not all(any(fits(p, to) for p in ps) for ps in (webrtc.to, allowed)):
            raise Denied(f"{guest.client.name} may not call {to}")
        self._has_room(webrtc, owner)
        session = secrets.token_urlsafe(16)
        browser = BrowserCall(
            session=session,
            name=guest.client.name,
            owner=owner,
            offer=wanted,
            sees=self._sees(guest, webrtc),
        )
        try:
            worker = await self._reception.admit_page(to, guest.origin, browser)
        except Refused as error:
            if error.status == 404:
                raise UnknownNumber(f"no plan takes {to}") from error
            raise NoRoomNow("no worker is free, or the server goes up or down") from error
        assert worker.assignment is not None
        return await self._connected(session, worker, owner, worker.assignment.call_id)

    async def answer(self, ring: str, offer: str, guest: Guest) -> Connected:
        """See `Browsers`."""
        wanted, owner = _offer(offer), _owner(guest)
        found = self._rings.find(ring, owner)
        self._has_room(self._webrtc, owner)
        if found.taken or found.worker.assignment is None:
            raise UnknownRing("another page has answered")
        found.taken = True
        session, call_id = secrets.token_urlsafe(16), found.worker.assignment.call_id
        sees: Sees = "all" if self._sees(guest, self._webrtc) == "all" else "nothing"
        found.worker.send(BrowserOffered(ring=ring, session=session, offer=wanted, sees=sees))
        try:
            return await self._connected(session, found.worker, owner, call_id)
        except BaseException:  # cancelled as well: the page is gone, and another may answer
            found.taken = False
            raise

    def decline(self, ring: str, guest: Guest) -> None:
        """See `Browsers`."""
        self._rings.decline(ring, _owner(guest))

    def hang_up(self, session: str, guest: Guest) -> str:
        """See `Browsers`."""
        found = self._sessions.get(session)
        if found is None or found.owner != _owner(guest):
            raise UnknownSession(f"there is no browser call {session[:64]!r} of yours")
        if found.worker.channel is None:
            raise NoRoomNow("the server has just come back, and the call has not yet")
        found.worker.send(BrowserLeft(session=session))
        call = found.worker.assignment
        return call.call_id if call is not None else ""

    def listen(self, name: str, guest: Guest) -> AsyncIterator[Ringing | None]:
        """See `Browsers`."""
        if self._rings.listeners >= self._webrtc.listeners:
            raise NoRoomNow(f"{self._webrtc.listeners} pages listen (webrtc.listeners)")
        return self._rings.listen(Listener(name, _owner(guest)))

    def revoked(self, token_id: str) -> None:
        """A token may do nothing any more: its calls end."""
        for session, found in list(self._sessions.items()):
            if found.owner == token_id:
                found.worker.send(BrowserLeft(session=session))

    # The workers' side.

    def asked(self, worker: WorkerHandle, message: FromWorker) -> None:
        """A worker has word of a page."""
        match message:
            case BrowserAnswered():
                found = self._sessions.get(message.session)
                if found is not None and not found.answer.done():
                    found.answer.set_result(message)
            case BrowserOver():
                self._sessions.pop(message.session, None)
            case BrowserRings():
                self._rings.begin(worker, message)
            case BrowserStops():
                self._rings.stop(message.ring, message.reason)

    def resumed(self, worker: WorkerHandle) -> None:
        """It has a call of the gateway before us, perhaps from a page."""
        call = worker.assignment
        if call is not None and call.browser is not None:
            browser, done = call.browser, asyncio.get_running_loop().create_future()
            done.cancel()
            self._sessions[browser.session] = _Session(worker, browser.owner, done)

    def gone(self, worker: WorkerHandle) -> None:
        """The worker is no more: nobody answers, and nothing rings."""
        for session, found in list(self._sessions.items()):
            if found.worker is worker:
                del self._sessions[session]
                if not found.answer.done():
                    found.answer.set_exception(NoAnswer("the call ended before it was answered"))
        self._rings.gone(worker)

    # Within.

    @property
    def _webrtc(self) -> Webrtc:
        return self._settings().webrtc or Webrtc()

    @staticmethod
    def _sees(guest: Guest, webrtc: Webrtc) -> Sees:
        if "calls:read" in guest.client.scopes:
            return "all"
        return "said" if webrtc.captions else "nothing"

    def _has_room(self, webrtc: Webrtc, owner: str) -> None:
        """Raises NoRoomNow."""
        if len(self._sessions) >= webrtc.browser_calls:
            raise NoRoomNow(f"{webrtc.browser_calls} browsers are in calls (webrtc.browser_calls)")
        if sum(s.owner == owner for s in self._sessions.values()) >= webrtc.calls_per_token:
            most = webrtc.calls_per_token
            raise NoRoomNow(
                f"{most} browsers with this token are in calls (webrtc.calls_per_token)"
            )
        rate = self._settings().limits.calls_per_second
        if not self._pace.allows(rate):
            raise NoRoomNow(f"at most {rate:g} new calls a second (limits.calls_per_second)")

    async def _connected(
        self, session: str, worker: WorkerHandle, owner: str, call_id: str
    ) -> Connected:
        """Wait for the worker's answer. Raises NotAnOffer, UnknownRing, NoAnswer."""
        found = _Session(worker, owner, asyncio.get_running_loop().create_future())
        self._sessions[session] = found
        try:
            async with asyncio.timeout(ANSWERS):
                answered = await found.answer
        except TimeoutError:
            worker.send(BrowserLeft(session=session))
            del self._sessions[session]
            raise NoAnswer(f"no answer to the offer within {ANSWERS:g} s") from None
        except asyncio.CancelledError:
            # the page went away while it waited: nobody has the answer
            worker.send(BrowserLeft(session=session))
            raise
        if answered.status == 200:
            return Connected(session, call_id, answered.answer)
        self._sessions.pop(session, None)
        if answered.status == 488:
            raise NotAnOffer(answered.detail)
        if answered.status in (410, 491):
            raise UnknownRing(answered.detail)
        raise NoRoomNow(answered.detail)


def _owner(guest: Guest) -> str:
    return guest.client.id or guest.client.name


def _offer(offer: str) -> str:
    """Raises NotAnOffer."""
    try:
        return checked(offer)
    except BadOffer as error:
        raise NotAnOffer(error.reason) from error
