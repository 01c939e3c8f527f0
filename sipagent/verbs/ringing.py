"""Ringing: dial one destination, several in turn or several at once, until one has answered."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from sipagent.call import reasons
from sipagent.call.control import CallControl
from sipagent.call.dial import USUAL, Dial, Terms
from sipagent.call.leg import Leg, LegState
from sipagent.call.policy import OUTBOUND_SECONDS
from sipagent.call.session import CallSession
from sipagent.call.target import routable
from sipagent.errors import CallError, LegFailed
from sipagent.events import Warned
from sipagent.media.port import AudioPort
from sipagent.tasks import stopped

from .redirects import Moved, Permits, Trail
from .waiting import drop
from .words import REASONS, best, failure

#: seconds two parties may be together where nothing says less
LONGEST = 14_400


@dataclass(frozen=True, slots=True)
class Callee:
    """One destination and how to call it. `timeout` is seconds of ringing, `max_duration` of
    talk; `confirm` returns when whoever answered wants the call, and raises LegFailed where not.
    """

    to: str
    timeout: float
    caller_id: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    credentials: tuple[str, str] | None = field(default=None, repr=False)
    confirm: Callable[[Leg], Awaitable[None]] | None = None
    #: played to whoever answered before the two are together
    whisper: tuple[str, ...] = ()
    max_duration: float = 14_400.0
    terms: Terms = USUAL
    #: shown each leg that is dialled for it
    watch: Callable[[Leg], None] = lambda leg: None


class NobodyAnswered(LegFailed):
    """Every destination failed; says how in words."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(status, words)
        self.words = words

    def __str__(self) -> str:
        return self.words


class Hunt:
    """The search for somebody who answers. Every leg dialled in it ends with it, unless kept.

    `permits` says where a callee may redirect it to: without it, nowhere.
    """

    def __init__(self, call: CallSession, permits: Permits | None = None) -> None:
        self._call = call
        self._permits = permits
        self._found = False
        #: what the caller hears meanwhile, if anything; silent while a callee sends early media
        self.ringback: AudioPort | None = None
        self._early: Leg | None = None
        self._legs: list[Leg] = []

    async def __aenter__(self) -> "Hunt":
        return self

    async def __aexit__(self, *_: object) -> None:
        await drop(self._call, *self._legs)

    def keep(self, leg: Leg) -> None:
        """Somebody else answers for this leg from now on."""
        self._legs.remove(leg)

    async def in_turn(self, groups: Sequence[Sequence[Callee]]) -> tuple[Leg, Callee]:
        """Ring the groups one after the other, the members of each at once, until one answers.

        The leg is in no room yet, and the only one that is up. Raises NobodyAnswered with the
        final status of the last group.
        """
        for group in groups[:-1]:
            try:
                return await self._at_once(group)
            except NobodyAnswered:
                continue
        return await self._at_once(groups[-1])

    async def _at_once(self, group: Sequence[Callee]) -> tuple[Leg, Callee]:
        tasks = {asyncio.ensure_future(self._ring(callee)): callee for callee in group}
        failures: list[tuple[LegFailed, Callee]] = []
        pending, winner = set(tasks), None
        try:
            while pending and winner is None:
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    try:
                        winner = (task.result(), tasks[task])
                        self._found = True
                        break
                    except CallError as error:
                        failures.append((_leg_failed(error), tasks[task]))
        finally:
            await stopped(*pending)
        if winner is not None:
            # two can answer in the same moment; one of them is one too many
            others = (leg for leg in self._legs if leg is not winner[0])
            await drop(self._call, *others, reason=reasons.ELSEWHERE)
            return winner
        worst = best([failed for failed, _ in failures])
        callee = next(callee for failed, callee in failures if failed is worst)
        raise NobodyAnswered(worst.status, failure(worst, callee.to))

    async def _ring(self, callee: Callee) -> Leg:
        """Ring one callee, and where it says to be found instead (RFC 3261 section 8.1.3.4)."""
        trail = Trail(callee.to, self._permits)
        while True:
            try:
                return await self._ring_at(callee, trail.here)
            except LegFailed as failed:
                left = trail.go_on(failed)
                if left is failed:
                    raise
                if left is not None:
                    raise left from failed

    async def _ring_at(self, callee: Callee, place: str) -> Leg:
        own = place == callee.to  # a password is for the callee, not for where it points to
        credentials = callee.credentials if own else None
        wish = Dial(routable(place), callee.caller_id, callee.headers, credentials, callee.terms)
        leg = await self._call.dial(wish)
        callee.watch(leg)
        self._legs.append(leg)
        leg.on_change(self._hear_early)
        ready, why = False, None
        try:
            async with asyncio.timeout(callee.timeout):
                taken = await self._answered(leg)
            if callee.confirm is not None:
                await callee.confirm(taken)
            ready = True
            return taken
        except TimeoutError:
            why = reasons.NO_ANSWER
            raise LegFailed(408, REASONS[408]) from None
        except LegFailed as failed:
            if 300 <= failed.status < 400:
                raise Moved(failed.status, leg.redirects) from failed
            raise
        finally:
            self._hear_no_more(leg)
            if not ready:
                found = reasons.ELSEWHERE if self._found else None
                await drop(self._call, leg, reason=why or found)

    async def _answered(self, leg: Leg) -> Leg:
        """Wait for the answer, of whoever picks the ringing call up (RFC 5359 section 2.14)."""
        try:
            await leg.wait(LegState.CONFIRMED)
        except LegFailed:
            heir = self._call.now(leg)
            if heir is leg:
                raise
            self._legs.append(heir)
            return heir
        return leg

    def _hear_early(self, leg: Leg) -> None:
        """Let the caller hear what the callee sends before it answers: its own ringing, or an
        announcement (RFC 3960). Of several the first.
        """
        call = self._call
        if not leg.early_media or self._early is not None:
            return
        self._early = leg
        call.bridge.connect(leg, call.caller)
        if self.ringback is not None:
            self.ringback.pause()
        if call.caller.state in (LegState.INCOMING, LegState.EARLY):
            call.spawn(_open_early(call.caller))

    def _hear_no_more(self, leg: Leg) -> None:
        if self._early is not leg:
            return
        self._early = None
        self._call.bridge.disconnect(leg, self._call.caller)
        if self.ringback is not None:
            self.ringback.resume()


async def _open_early(caller: Leg) -> None:
    with suppress(LegFailed):
        await caller.answer(183)


def _leg_failed(error: CallError) -> LegFailed:
    return error if isinstance(error, LegFailed) else LegFailed(error.status, str(error))


def join(call: CallSession, leg: Leg) -> None:
    """Let the caller and an answered leg talk."""
    call.other = leg
    call.room.join(leg)


async def together(call: CallSession, leg: Leg, seconds: float) -> None:
    """Wait until caller or leg leaves, or the time is up; then the leg goes."""
    began = call.bridge.clock.t
    try:
        async with asyncio.timeout(seconds):
            await call.one_left(call.caller, leg)
    except TimeoutError:
        call.emit(Warned, code="max_duration", detail=f"parted after {seconds:g} s")
    finally:
        call.done[OUTBOUND_SECONDS] += -((began - call.bridge.clock.t) // 1000)
        call.other = None
        await drop(call, leg, call.now(leg))


def longest(control: CallControl, seconds: float) -> float:
    """`seconds`, or less where a policy says how long a call may be bridged in all."""
    done = control.call.done
    return min([seconds, *(policy.outbound_seconds_left(done) for policy in control.policies)])
