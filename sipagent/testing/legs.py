"""FakeLeg and FakeDialer: parties without a network, whose far end a test plays by hand."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass

from sipagent.call.dial import Dial
from sipagent.call.keypad import Key
from sipagent.call.leg import (
    NEXT,
    Judge,
    Leg,
    LegInfo,
    LegState,
    Quality,
    ReferOutcome,
    Referral,
)
from sipagent.errors import LegFailed
from sipagent.legs.digits import DigitFan, Fan, keystrokes
from sipagent.legs.progress import Progress
from sipagent.media.clock import MediaClock
from sipagent.media.frames import FRAME_MS, Frame, frame_bytes


def tone(ms: int, *, rate: int = 8000, level: int = 6000) -> bytes:
    """`ms` of a square wave at the highest frequency the rate allows; loud is `level`."""
    pair = level.to_bytes(2, "little", signed=True) + (-level).to_bytes(2, "little", signed=True)
    return (pair * (rate * ms // 2000 + 1))[: rate * ms // 1000 * 2]


class FarEnd:
    """What the person on a fake leg says, presses and hears."""

    def __init__(self, rate: int, clock: MediaClock) -> None:
        #: every frame the person heard, with its media-clock time
        self.heard: list[Frame] = []
        self.rate = rate
        self.clock = clock
        self.keys = DigitFan()
        self.texts: Fan[str] = Fan()
        #: what goes out in place of a frame (None: nothing is said), and who hears with the person
        self.around: Callable[[bytes | None], bytes | None] = lambda voice: voice
        self.on_heard: Callable[[Frame], None] = lambda frame: None
        self._mouth: deque[bytes] = deque()

    def say(self, pcm: bytes) -> None:
        """Speak after what is being said already; padded to whole frames."""
        size = frame_bytes(self.rate)
        for start in range(0, len(pcm), size):
            self._mouth.append(pcm[start : start + size].ljust(size, b"\0"))

    def talk(self, ms: int, level: int = 6000) -> None:
        """Make `ms` of loud sound."""
        self.say(tone(ms, rate=self.rate, level=level))

    async def speak(self, ms: int, then_quiet: int = 0, *, level: int = 6000) -> None:
        """Make `ms` of sound and wait until it is over and `then_quiet` ms have passed."""
        self.talk(ms, level)
        await asyncio.sleep((len(self._mouth) * FRAME_MS + then_quiet) / 1000)

    def press(self, keys: str) -> None:
        """Press keys, all at once."""
        for key in keys:
            self.keys.press(key)

    def heard_pcm(self, start: int = 0, end: int | None = None) -> bytes:
        """What was heard from media-clock `start` ms on, as PCM."""
        return b"".join(f.pcm for f in self.heard if start <= f.t and (end is None or f.t < end))

    def next_frame(self) -> bytes | None:
        """The next 20 ms that come from the person."""
        return self.around(self._mouth.popleft() if self._mouth else None)

    def hear(self, frame: Frame) -> None:
        """20 ms that reach the person."""
        self.heard.append(frame)
        self.on_heard(frame)


class FakeLeg:
    """A `call.leg.Leg` that keeps to the NEXT table. `far` is the person on it."""

    def __init__(
        self,
        clock: MediaClock,
        *,
        name: str = "caller",
        remote: str = "sip:alice@example.com",
        local: str = "sip:100@sipagent.example",
        state: LegState = LegState.INCOMING,
        rate: int = 8000,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.info = LegInfo(name, local, remote, f"{name}@fake", headers or {})
        self.far = FarEnd(rate, clock)
        self.on_hold = False
        #: the Reason we hung up with, and where a 3xx points
        self.told = ""
        self.redirects: tuple[str, ...] = ()
        self.quality: Quality | None = None
        self.early_media = False
        #: keys we sent, and targets (of a leg: its id) we asked the far end to call
        self.sent_digits: list[str] = []
        self.referred: list[str] = []
        #: what the far end was told of the calls it asked for: status, and whether that was all
        self.reported: list[tuple[int, bool]] = []
        #: how the next REFER comes out, and after how many seconds
        self.refer_outcome = ReferOutcome(200, "OK")
        self.refer_takes = 0.1
        #: says so in their place, given the target and how many seconds there are
        self.on_refer_to: Callable[[str | Leg, float], Awaitable[ReferOutcome]] | None = None
        self._outbound = state is LegState.CALLING
        self._progress = Progress(state)
        self._referring = False
        self._judge: Judge | None = None

    @property
    def state(self) -> LegState:
        """See `Leg`."""
        return self._progress.state

    @property
    def status(self) -> int:
        """See `Leg`."""
        return self._progress.status

    @property
    def reason(self) -> str:
        """See `Leg`."""
        return self._progress.reason

    # what the bridge sees

    @property
    def live(self) -> bool:
        """True while media flows."""
        return self.state in (LegState.EARLY, LegState.CONFIRMED) and not self.on_hold

    def pull(self) -> bytes | None:
        """What the person says."""
        return self.far.next_frame()

    def push(self, pcm: bytes) -> None:
        """What the person hears."""
        self.far.hear(Frame(pcm, self.far.clock.t))

    # what the far end's signalling does

    def move(self, state: LegState, status: int, reason: str = "") -> None:
        """The INVITE session moves; a move that RFC 3261 does not know is a test's mistake."""
        before = self.state
        if state is LegState.DISCONNECTED:
            self.far.keys.end()
            self.far.texts.end()
        if not self._progress.move(state, status, reason):
            raise AssertionError(f"{self.info.id}: {before} -> {state} is no legal move")

    def hang_up_remotely(self, status: int = 200, reason: str = "") -> None:
        """BYE (200) or a final refusal from the far end; nothing when the leg is over."""
        if self.state is not LegState.DISCONNECTED:
            self.move(LegState.DISCONNECTED, status, reason)

    # the Leg protocol

    def on_change(self, listener: Callable[[Leg], None]) -> None:
        """See `Leg`."""
        self._progress.on_change(lambda: listener(self))

    async def answer(self, status: int = 200) -> None:
        """See `Leg`. Raises LegFailed when the leg is over."""
        if self.state is LegState.DISCONNECTED:
            raise LegFailed(481, "Call/Transaction Does Not Exist")
        if self.state is not LegState.CONFIRMED:
            self.move(LegState.CONFIRMED if status >= 200 else LegState.EARLY, status)

    async def hangup(self, status: int = 603, reason: str = "") -> None:
        """See `Leg`."""
        if self.state is LegState.DISCONNECTED:
            return
        self.told = reason
        unanswered = 487 if self._outbound else status
        self.move(LegState.DISCONNECTED, 200 if self.state is LegState.CONFIRMED else unanswered)

    async def hold(self) -> None:
        """See `Leg`."""
        await self._hold(True)

    async def resume(self) -> None:
        """See `Leg`."""
        await self._hold(False)

    async def send_digits(self, digits: str) -> None:
        """See `Leg`. Takes no time."""
        keystrokes(digits)
        if self.state is not LegState.CONFIRMED:
            raise LegFailed(481, f"{self.info.id} is {self.state}")
        self.sent_digits.append(digits)

    def digits(self) -> AsyncIterator[Key]:
        """See `Leg`."""
        return self.far.keys.open()

    def texts(self) -> AsyncIterator[str]:
        """See `Leg`."""
        return self.far.texts.open()

    async def refer(self, target: str | Leg, *, timeout: float = 60.0) -> ReferOutcome:
        """See `Leg`. A target that answered takes the call: this leg ends."""
        await self.wait(LegState.CONFIRMED)
        if self._referring:
            raise LegFailed(491, "another transfer of this leg is under way")
        self.referred.append(target if isinstance(target, str) else target.info.id)
        self._referring = True
        try:
            outcome = await (self.on_refer_to or self._refer)(target, timeout)
        finally:
            self._referring = False
        if outcome.ok:
            self.hang_up_remotely()
            if isinstance(target, FakeLeg):
                target.hang_up_remotely()
        return outcome

    async def _refer(self, target: str | Leg, timeout: float) -> ReferOutcome:
        await asyncio.sleep(min(self.refer_takes, timeout))
        if self.refer_takes > timeout:
            return ReferOutcome(408, "Request Timeout")
        return self.refer_outcome

    def on_refer(self, judge: Judge) -> None:
        """See `Leg`."""
        self._judge = judge

    async def report(self, status: int, reason: str, *, final: bool = False) -> None:
        """See `Leg`."""
        if self.state is not LegState.CONFIRMED:
            raise LegFailed(481, f"{self.info.id} is {self.state}")
        self.reported.append((status, final))

    def refer_remotely(self, target: str, replaces: str = "") -> int:
        """REFER from the far end; the status it gets."""
        return self._judge(self, Referral(target, replaces)) if self._judge is not None else 603

    async def wait(self, *states: LegState) -> LegState:
        """See `Leg`."""
        return await self._progress.wait(*states)

    async def _hold(self, held: bool) -> None:
        await self.wait(LegState.CONFIRMED)
        if self.on_hold is not held:
            self.on_hold = held
            self._progress.notify()


@dataclass(frozen=True, slots=True)
class Script:
    """How a dialled party behaves; times in seconds from the INVITE, None where never.

    `status` >= 300 refuses at the time of the answer. `full` makes the dialling itself fail.
    """

    rings: float | None = 0.1
    answers: float | None = 0.5
    status: int = 200
    full: bool = False


BUSY = Script(answers=0.2, status=486)
NO_ANSWER = Script(answers=None)


class FakeDialer:
    """A `call.dial.Dialer` whose parties follow scripts by target; the rest follow `default`."""

    def __init__(
        self,
        clock: MediaClock,
        scripts: Mapping[str, Script] | None = None,
        default: Script | None = None,
        rate: int = 8000,
    ) -> None:
        self.scripts = dict(scripts or {})
        self.default = default or Script()
        #: every INVITE sent
        self.dialled: list[Dial] = []
        self.legs: list[FakeLeg] = []
        self._clock = clock
        self._rate = rate

    async def dial(self, dial: Dial) -> Leg:
        """See `Dialer`."""
        self.dialled.append(dial)
        script = self.scripts.get(dial.target, self.default)
        if script.full:
            raise LegFailed(503, "no room for another leg")
        name = f"callee{len(self.legs) + 1}"
        leg = FakeLeg(
            self._clock, name=name, remote=dial.target, state=LegState.CALLING, rate=self._rate
        )
        self.legs.append(leg)
        loop = asyncio.get_running_loop()
        if script.rings is not None:
            loop.call_later(script.rings, _advance, leg, LegState.EARLY, 180)
        if script.answers is not None:
            ok = script.status < 300
            state = LegState.CONFIRMED if ok else LegState.DISCONNECTED
            loop.call_later(script.answers, _advance, leg, state, script.status)
        return leg


def _advance(leg: FakeLeg, state: LegState, status: int) -> None:
    if state in NEXT[leg.state]:
        leg.move(state, status)
