"""Account: one trunk while we serve."""

import asyncio
import secrets
from typing import Any
from urllib.parse import unquote

from sipagent.config import Trunk
from sipagent.edge.dialogs import Dialogs
from sipagent.edge.headers import Uri, parse_uri
from sipagent.edge.listeners import Peer
from sipagent.edge.message import Header, Message
from sipagent.edge.timers import Timers
from sipagent.tasks import Background

from .capacity import Capacity
from .enrolment import Enrolment, Wire, account_user, home, routes
from .probe import Probe
from .registration import Registration
from .status import Reach, Standing, TrunkStatus
from .through import line_of
from .turns import Always, Turn


class Account:
    """Registers, asks, counts, and says whether calls may go there."""

    def __init__(
        self, name: str, trunk: Trunk, wire: Wire, dialogs: Dialogs, timers: Timers
    ) -> None:
        self.name = name
        self.trunk = trunk
        self._wire = wire
        self.capacity = Capacity(trunk, dialogs, asyncio.get_running_loop().time)
        self._line = line_of(name, trunk)
        self._home = parse_uri((trunk.outbound_proxy or home(trunk)).encode())
        self._jobs = Background()
        self._started = False
        self._registration: Registration | None = None
        self._turn: Turn = Always()
        self._probe: Probe | None = None
        if trunk.registration is not None:
            turn = self._turn = wire.turns.of(name, self.register_now)
            enrolment = Enrolment(trunk, self._line, wire, turn)
            self._registration = Registration(name, trunk, enrolment, wire, timers, turn=turn)
        if trunk.options_seconds:
            self._probe = Probe(name, trunk, lambda: self.hop, wire)
            self._probe.on_return = self.register_now

    def start(self) -> None:
        """Register and ask in the background, until `close`. Doing it twice changes nothing."""
        if self._started:
            return
        self._started = True
        for part in (self._registration, self._probe):
            if part is not None:
                self._jobs.start(part.run())

    async def close(self) -> None:
        """Stop without a word; it can be started again. Idempotent."""
        await self._jobs.stop()
        self._started = False

    @property
    def hop(self) -> Uri:
        """Where calls are sent: the proxy that is set, who holds our registration, or home."""
        peer = self._registration.peer if self._registration is not None else None
        flow = self._wire.listeners.flow(peer.flow) if peer is not None else None
        if flow is None or self.trunk.outbound_proxy is not None:
            return self._home
        return parse_uri(f"sip:{peer};transport={flow.transport.lower()}".encode())

    @property
    def routes(self) -> list[Header]:
        """Routes its requests carry."""
        return routes(self.trunk)

    @property
    def reach(self) -> Reach:
        """May calls be sent there?"""
        standing = self._registration.standing if self._registration else Standing.OFF
        if standing is Standing.FAILED:
            return Reach.DOWN
        if self._probe is not None and self._probe.reach is not Reach.UNKNOWN:
            return self._probe.reach
        return Reach.UP if standing is Standing.REGISTERED else Reach.UNKNOWN

    @property
    def status(self) -> TrunkStatus:
        """Everything there is to say now."""
        status = TrunkStatus(
            name=self.name,
            host=self.trunk.host,
            reach=self.reach,
            calls=self.capacity.live,
            limit=self.capacity.limit,
        )
        if self._probe is not None:
            seen = {"why": self._probe.why, "cause": self._probe.cause}
            status = status.model_copy(update=seen)
        registration = self._registration
        if registration is None:
            return status
        news: dict[str, Any] = {"registration": registration.standing}
        if registration.standing is Standing.REGISTERED:
            news |= {"registrar": str(registration.peer or ""), "expires": registration.expires}
        elif registration.standing is Standing.FAILED:
            news |= {"why": registration.why, "cause": registration.cause}
            news |= {"retry": registration.retry, "failures": registration.failures}
        elif registration.standing is Standing.ELSEWHERE:
            news |= {"node": self._turn.holder, "why": self._turn.why}
        return status.model_copy(update=news)

    def number(self, uri: Uri) -> str:
        """The number a request of ours dials there, in E.164 where its number plan tells."""
        dialled = unquote(uri.user.partition(b";")[0].decode("utf-8", "replace"))
        plan = self.trunk.numbers
        return dialled if plan is None else plan.e164(dialled.removeprefix(plan.prefix))

    def refusal(self, invite: Message) -> str:
        """Why a worker's INVITE may not leave by this trunk, or nothing."""
        if self.reach is Reach.DOWN:
            return f"trunk {self.name} is down"
        busy = self.capacity.refusal(invite)
        return f"trunk {self.name}: {busy}" if busy else ""

    def sent(self, uri: Uri, source: Peer) -> bool:
        """True for a call to the Contact we registered, or from who holds the registration."""
        if self._registration is None:
            return False
        mark = uri.param(b"line")
        if mark is not None and secrets.compare_digest(mark, self._line.encode()):
            return True
        return self._registration.peer == source

    def is_contact(self, uri: Uri) -> bool:
        """True when a request URI names the account and no number."""
        return self._registration is not None and uri.user == account_user(self.trunk)

    def register_now(self) -> None:
        """Do not wait for the next refresh."""
        if self._registration is not None:
            self._registration.now()

    async def leave(self) -> None:
        """Take the registration back, or leave it to another node, when the jobs have ended."""
        if self._registration is not None:
            await self._registration.leave()
            await self._turn.leave()
