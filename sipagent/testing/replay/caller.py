"""The caller of a replay: does what was done on record, each thing after what it came after."""

from collections.abc import Sequence

from sipagent.events import Event, SpeechEnded, SpeechStarted
from sipagent.testing.legs import FakeLeg
from sipagent.testing.rehearsal import CallOver, Rehearsal

from .side import Deed, mark_of
from .source import Sound
from .voicing import lead, voiced

#: how much longer than on record a caller waits for what they waited for then, seconds
_PATIENCE = 4.0
#: between the end of what nobody said on record, and the caller's words, seconds
_BREATH = 0.4
#: how long anything may take, and how much longer than on record a call may, seconds
_LONGEST, _END = 300.0, 30.0
#: what is pressed in the place of a key that is not on record
_ANY_KEY = "0"


class Caller:
    """One of one replay. `as_timed`: everything comes as long after the answer as on record,
    whatever is said meanwhile.
    """

    def __init__(self, call: Rehearsal, sound: Sound | None, *, as_timed: bool) -> None:
        self._call = call
        self._sound = sound
        self._as_timed = as_timed
        leg = call.session.caller
        assert isinstance(leg, FakeLeg)
        self._leg = leg
        #: when the caller last did something, media-clock ms: now, and on record; and how many
        #: events there were
        self._since = self._then = self._seen = 0
        #: did the caller do that by voice?
        self._sounded = False
        #: ears have no guess at the words before this, media-clock ms
        self._guessed = 0
        self.notes: list[str] = []

    async def run(self, deeds: Sequence[Deed], record: Sequence[Event]) -> None:
        """Do it all, and see the call to its end."""
        answered = _answered(record)
        if answered is not None:
            await self._call.until(
                lambda: self._call.over or _answered(self._call.events) is not None, _LONGEST
            )
        now = _answered(self._call.events)
        first = self._since = self._call.t if now is None else now
        began = self._then = record[0].t if answered is None else answered
        for number, deed in enumerate(deeds):
            try:
                await self._wait(deed, first + deed.start - began)
                await self._do(deed)
            except CallOver:
                left = [f"{one.kind} {one.text!r}".strip() for one in deeds[number:]]
                self.notes.append(f"the call was over before the caller {', '.join(left)}")
                break
            self._then = deed.start
        rest = (record[-1].t - self._then) / 1000
        if not await self._call.ended(rest + _END):
            self.notes.append(f"the call did not end by itself within {_END:g} s more")
            await self._call.hangs_up()

    def withholds(self, t: int) -> bool:
        """Have ears no guess yet, at media-clock `t`?"""
        return t < self._guessed

    async def _wait(self, deed: Deed, timed: int) -> None:
        """Until it is time for it."""
        ahead = self._lead(deed)
        if self._as_timed:
            await self._until(timed - ahead)
            return
        anchor = deed.anchor
        if not anchor.mark:
            await self._until(self._since + anchor.after_ms - ahead)
            return
        late = self._since + deed.start - self._then + 1000 * _PATIENCE
        await self._call.until(
            lambda: (
                self._call.over
                or self._mark(deed) is not None
                or (self._call.t > late and not self._spoken_to())
            ),
            _LONGEST,
        )
        mark = self._mark(deed)
        if mark is not None:
            await self._until(mark + anchor.after_ms - ahead)
        if not deed.over and self._goes_on(self._since if mark is None else mark):
            # somebody speaks who did not then
            await self._call.until(lambda: self._call.over or not self._spoken_to(), _LONGEST)
            await self._until(self._call.t + round(1000 * _BREATH))

    async def _do(self, deed: Deed) -> None:
        if self._call.over:
            raise CallOver("the call was over")
        self._seen, self._sounded = len(self._call.events), deed.takes_time
        match deed.kind:
            case "says" | "sounds":
                ahead = self._lead(deed)
                self._guessed = self._call.t + ahead + deed.guessed if deed.guessed else 0
                uttered = await self._call.says(voiced(deed, self._sound), over=True)
                began = self._call.t if uttered.began is None else uttered.began
                self._since = began + ahead
                return
            case "presses":
                self._leg.far.press(_ANY_KEY if deed.hidden else deed.text)
            case "writes":
                self._leg.far.texts.tell(deed.text)
            case "hangs_up":
                await self._call.hangs_up()
        self._since = self._call.t

    def _lead(self, deed: Deed) -> int:
        if not deed.takes_time:
            return 0
        return lead(deed, voiced(deed, self._sound), self._sound)

    async def _until(self, t: int) -> None:
        await self._call.waits(max(0, t - self._call.t) / 1000)

    def _mark(self, deed: Deed) -> int | None:
        """When what the deed came after happened now, if it has."""
        wanted = deed.anchor
        seen = 0 if self._sounded else self._seen
        found = [
            event.t
            for event in self._call.events[seen:]
            if event.t >= self._since and mark_of(event) == wanted.mark
        ]
        return found[wanted.count - 1] if len(found) >= wanted.count else None

    def _goes_on(self, since: int) -> bool:
        """Is the caller spoken to, by somebody who began after `since`?"""
        began = [e.t for e in self._call.all(SpeechStarted) if e.speaker == "agent"]
        return self._spoken_to() and bool(began) and began[-1] > since

    def _spoken_to(self) -> bool:
        speaking = False
        for event in self._call.events:
            if isinstance(event, SpeechStarted | SpeechEnded) and event.speaker == "agent":
                speaking = isinstance(event, SpeechStarted)
        return speaking


def _answered(events: Sequence[Event]) -> int | None:
    return next((event.t for event in events if mark_of(event) == "answered"), None)
