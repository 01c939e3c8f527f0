"""Calls: the signalling of a crowd's callers, and of whom they are put through to."""

import asyncio
import random
import secrets
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

from sipagent.call.leg import LegState
from sipagent.testing.sip import sdp
from sipagent.testing.sip.agent import UserAgent
from sipagent.testing.sip.dialog import Dialog
from sipagent.testing.sip.digest import Credentials
from sipagent.testing.sip.invite import InviteSession
from sipagent.testing.sip.message import Request
from sipagent.testing.sip.parties import Side
from sipagent.testing.sip.sdp import BadSdp, Description
from sipagent.testing.sip.transaction import ServerTransaction

from .crowd import Crowd, Line
from .talk import Phrase, Talk

#: seconds a call may take to be answered, and to be over once it was hung up
ANSWER_SECONDS = 10.0
_BYE_SECONDS = 4.0


class Media:
    """What a call offers and agrees to: PCMU and keys as events, as every phone and trunk does, at
    its line's address. Without events the server would listen for keys in the sound.
    """

    def __init__(self, line: Line) -> None:
        self._line = line
        self._session = secrets.randbits(31)
        self._version = 0

    def offer(self) -> bytes:
        """See `OfferAnswer`."""
        self._version += 1
        own = Description(*self._line.address, ("PCMU",))
        return sdp.write(own, self._session, self._version)

    def answer(self, offer: bytes) -> bytes:
        """See `OfferAnswer`."""
        self.accept(offer)
        return self.offer()

    def accept(self, answer: bytes) -> None:
        """See `OfferAnswer`."""
        described = sdp.parse(answer)
        if "PCMU" not in described.codecs or not described.port:
            raise BadSdp("no codec in common")
        try:
            self._line.connect((described.host, described.port), time.time())
        except OSError as error:
            raise BadSdp(f"no way to {described.host}:{described.port}") from error


class Call:
    """One call, whoever began it; `over` is called once, with the final status and who said so."""

    def __init__(
        self,
        agent: UserAgent,
        dialog: Dialog,
        line: Line,
        over: Callable[["Call", int, Side], None],
    ) -> None:
        self.line = line
        self.session = InviteSession(agent, dialog, Media(line), self)
        loop = asyncio.get_running_loop()
        #: the final status: 200 when it is up
        self.answered: asyncio.Future[int] = loop.create_future()
        self.ended = asyncio.Event()
        self._over = over

    @property
    def up(self) -> bool:
        """It was answered, and goes on."""
        return self.session.state is LegState.CONFIRMED

    async def hangup(self) -> None:
        """BYE or CANCEL; a far end that does not answer is not waited for long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_BYE_SECONDS):
                await self.session.end()
        if not self.ended.is_set():
            self.session.abandon()

    def changed(self, state: LegState, status: int, reason: str, by: Side) -> None:
        """See `Listener`."""
        if state in (LegState.CONFIRMED, LegState.DISCONNECTED) and not self.answered.done():
            self.answered.set_result(status)
        if state is LegState.DISCONNECTED and not self.ended.is_set():
            self.ended.set()
            self._over(self, status, by)

    def got_info(self, request: Request) -> None:
        """See `Listener`."""

    def got_refer(self, request: Request) -> int:
        """See `Listener`."""
        return 603

    def got_notify(self, request: Request) -> None:
        """See `Listener`."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: the user part of its address, its password where it has one, from where, and how
    many seconds apart.
    """

    user: str = "capacity"
    password: str | None = None
    host: str = "127.0.0.1"
    apart: float = 0.05


class Calls:
    """`async with Calls(crowd, ...) as calls:`; at the end all are hung up.

    Whoever calls us is answered at once and talks as our callers do, once it was spoken to.
    """

    def __init__(self, crowd: Crowd, phrases: Sequence[Phrase], caller: Caller = Caller()) -> None:
        self.placed: list[Call] = []
        self.taken: list[Call] = []
        #: calls that were not answered with 200, by status; 408: not answered at all
        self.refused: Counter[int] = Counter()
        #: calls that were answered, those that are over, and of them those the far end ended
        self.answered_total = 0
        self.over_total = 0
        self.dropped = 0
        self._crowd = crowd
        self._phrases = phrases
        self._caller = caller
        self._number = 0
        self._agent: UserAgent

    async def __aenter__(self) -> Self:
        caller = self._caller
        self._agent = await UserAgent.open(
            caller.user,
            self._invited,
            host=caller.host,
            credentials=Credentials(caller.user, caller.password) if caller.password else None,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.hang_up(len(self.placed))
        await asyncio.gather(*(call.hangup() for call in list(self.taken)))
        await self._agent.close()

    @property
    def uri(self) -> str:
        """How to call us."""
        return self._agent.aor

    @property
    def talks(self) -> list[Talk]:
        """Of everybody who is in a call."""
        return [call.line.talk for call in (*self.placed, *self.taken)]

    async def place(self, target: str) -> Call | None:
        """One more call, to where `come_to` or `resolve` has been; None where it was refused."""
        dialog = Dialog.outgoing(self._agent.aor, target, self._agent.contact)
        call = Call(self._agent, dialog, self._line(first=True), self._ended)
        self.placed.append(call)
        call.session.invite()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                status = await asyncio.shield(call.answered)
        except TimeoutError:
            status = 408
            call.session.abandon()
        if status >= 300:
            self.refused[status] += 1
            return None
        self.answered_total += 1
        return call

    async def resolve(self, target: str) -> None:
        """Find out where `target` is. Raises OSError, BadMessage."""
        await self._agent.resolve(target)

    async def come_to(self, number: int, target: str) -> None:
        """So many calls at once: more are placed, evenly in time, until one is refused.

        Raises OSError where `target` has no address, BadMessage where it is no SIP URI.
        """
        await self.resolve(target)
        before = self.refused.total()
        async with asyncio.TaskGroup() as group:
            for _ in range(number - len(self.placed)):
                group.create_task(self.place(target))
                await asyncio.sleep(self._caller.apart)
                if self.refused.total() > before:
                    break

    async def hang_up(self, number: int) -> None:
        """So many of the newest calls."""
        leaving = self.placed[len(self.placed) - number :]
        await asyncio.gather(*(call.hangup() for call in leaving))

    def _line(self, *, first: bool) -> Line:
        self._number += 1
        dice = random.Random(self._number)  # noqa: S311 - a repeatable draw
        return self._crowd.add(Talk(self._phrases, dice, first=first))

    def _invited(self, request: Request, transaction: ServerTransaction) -> None:
        dialog = Dialog.incoming(request, self._agent.contact)
        call = Call(self._agent, dialog, self._line(first=False), self._ended)
        self.taken.append(call)
        call.session.invited(request, transaction)
        call.session.accept()

    def _ended(self, call: Call, status: int, by: Side) -> None:
        whose = self.placed if call in self.placed else self.taken
        whose.remove(call)
        self.dropped += by == "remote" and whose is self.placed and status == 200
        self.over_total += whose is self.placed
        self._crowd.remove(call.line)
