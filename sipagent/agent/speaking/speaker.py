"""Speaker and Utterance: what the agent says, played in order and accounted for to the frame."""

import asyncio
from collections.abc import Callable
from enum import StrEnum

from sipagent.call.session import CallSession
from sipagent.errors import ProviderError
from sipagent.events import Said, SpeechEnded, SpeechStarted
from sipagent.media.frames import FRAME_MS, frame_bytes, frame_samples
from sipagent.media.port import AudioPort, Mark
from sipagent.tasks import Background

from ..conversation import Conversation, Message
from ..failover import Lineup
from ..interim import Interims
from ..limits import Limits
from ..protocols import Spoken, Synthesizer
from .heard import Piece, SpokenText
from .making import Making, Mouth
from .manner import Manner

#: between a sentence that broke off and its new beginning
_GAP_MS = 200


class Stage(StrEnum):
    """How far an utterance has come."""

    GIVEN = "given"
    MADE = "made"
    QUEUED = "queued"
    PLAYED = "played"


class Utterance:
    """One stretch of speech. Made by `Speaker.open`; played after those opened before it."""

    def __init__(self, speaker: "Speaker", mouth: Mouth, after: "Utterance | None") -> None:
        self.text = ""
        #: where it stands in the conversation; `private` speech never does
        self.message: Message | None = None
        self.private = False
        #: may the caller stop it?
        self.interruptible = True
        self.stopped = False
        #: media-clock ms of the first frame played, None until then
        self.started: int | None = None
        self.on_stage: Callable[[Stage], None] = lambda stage: None
        #: told how many ms were played when it is stopped
        self.on_cut: Callable[[int], None] = lambda played_ms: None
        #: see `Message.sounds`
        self.sounds: tuple[str, ...] = ()
        self._spoken = SpokenText(speaker.port.rate, frame_samples(speaker.port.rate))
        self._speaker = speaker
        self._making = Making(mouth, self._spoken)
        self._queued = asyncio.Event()
        self._told = False
        self.task = asyncio.create_task(self._run(after))

    def add(self, text: str) -> None:
        """More text, any part of a sentence."""
        self.text += text
        self._making.add(text)
        self._given()
        self._saying()

    def speak(self, spoken: Spoken) -> None:
        """More of what the mind speaks itself."""
        self.text += spoken.text
        self.on_cut = spoken.on_cut
        self.sounds = (spoken.sound,)
        self._making.speak(spoken.pcm, spoken.text)
        self._saying()

    def flush(self) -> None:
        """What was added so far can be spoken as it stands."""
        self._making.flush()
        self._given()

    def finish(self) -> None:
        """No more text comes."""
        self._making.finish()
        self._given()

    async def done(self) -> None:
        """Wait until it was played, or stopped. Cancelling the wait leaves it playing."""
        await asyncio.wait({self.task})

    def cancel(self) -> None:
        """Make and queue no more of it."""
        self.stopped = True
        self.task.cancel()

    def curtail(self) -> None:
        """Finish the sentence that is being said, if any, and say no more of it."""
        if self.start is None:
            self.cancel()
            self._speaker.forget(self)
        else:
            self._making.curtail()

    @property
    def begun(self) -> bool:
        """True once there is something to be heard."""
        return bool(self.text or self.sounds)

    @property
    def live(self) -> bool:
        """True until it was played, or stopped."""
        return not self.task.done() and not self.stopped

    @property
    def failure(self) -> ProviderError | None:
        """Why it could not be spoken to its end, if so."""
        return self._making.failure

    @property
    def start(self) -> int | None:
        """Port position of its first frame, None while nothing is queued."""
        return self._spoken.pieces[0].start if self._spoken.pieces else None

    def unheard(self, position: int) -> str:
        """What of it was not heard, once the port has played up to `position`."""
        self.flush()
        return self._spoken.split(position)[1]

    def settle(self, position: int, t: int) -> None:
        """Speech ended with `position` played, at media-clock `t`: put on record what was heard."""
        self.flush()
        heard, unheard = self._spoken.split(position)
        emit = self._speaker.call.emit
        if self.start is not None and position > self.start:
            self._begun(t)
        if self.started is not None:
            emit(SpeechEnded, speaker="agent", t=t)
        if heard or unheard:
            emit(
                Said,
                speaker="agent",
                text=heard,
                unheard=unheard,
                start=t if self.started is None else self.started,
                end=t,
                interrupted=bool(unheard),
                t=t,
            )
        if unheard:
            self._speaker.cut(self, heard)
        if self.stopped:
            played = 0 if self.start is None else max(0, position - self.start)
            self.on_cut(played * FRAME_MS)

    def _given(self) -> None:
        """Tell when the mouth has its first sentence."""
        if self._spoken.pieces and not self._told:
            self._told = True
            self.on_stage(Stage.GIVEN)

    async def _run(self, after: "Utterance | None") -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._making.make())
                end = await self._play(group, after)
                await end.reached()
        finally:
            self._queued.set()
        if end.t is not None:
            self.settle(end.position, end.t + FRAME_MS)
        else:
            self.settle(self._speaker.port.played, self._speaker.call.bridge.clock.t)
        self._speaker.forget(self)

    async def _play(self, group: asyncio.TaskGroup, after: "Utterance | None") -> Mark:
        port = self._speaker.port
        async for piece, pcm in self._making.sound():
            if pcm is None:
                await self._begin_anew(piece)
                continue
            if not pcm:
                continue
            if self.start is None:
                self.on_stage(Stage.MADE)
                if after is not None:
                    await after._queued.wait()
                piece.start = port.position
                group.create_task(self._begin(port.mark_at(port.position + 1)))
                await port.play(pcm)
                self.on_stage(Stage.QUEUED)
                continue
            if piece.start is None:
                piece.start = port.position
            await port.play(pcm)
        if self.start is None and after is not None:
            await after._queued.wait()
        self._queued.set()
        return port.mark()

    async def _begin_anew(self, piece: Piece) -> None:
        """The next voice says a sentence again: unnoticed where nothing of it was played yet."""
        port = self._speaker.port
        if piece.start is None:
            return
        played = port.played
        if port.take_back(piece.start):
            piece.start = None
            return
        await port.play(bytes(frame_bytes(port.rate)) * (_GAP_MS // FRAME_MS))
        self._spoken.begin_anew(piece, played, port.position)

    async def _begin(self, first: Mark) -> None:
        if await first.reached() and first.t is not None:
            self._begun(first.t)

    def _begun(self, t: int) -> None:
        if self.started is None:
            self.started = t
            self._speaker.call.emit(SpeechStarted, speaker="agent", t=t)
            self.on_stage(Stage.PLAYED)
            self._saying()

    def _saying(self) -> None:
        if self.started is not None:
            self._speaker.interims.tell(self.text, self.started)


class Speaker:
    """The agent's mouth on its port: what is being said, and how to pause or stop it.

    `conversation` is what the agent remembers of it.
    """

    def __init__(
        self,
        synthesizers: Lineup[Synthesizer],
        port: AudioPort,
        call: CallSession,
        conversation: Conversation,
        *,
        limits: Limits,
        manner: Manner,
        volume: float = 0.0,
    ) -> None:
        """`volume` is in dB."""
        self.port = port
        self.call = call
        self._mouths = synthesizers
        self._mouth = Mouth(synthesizers, limits.speech_chunk, manner, volume)
        self._cap = limits.speech_cap
        self.conversation = conversation
        self.interims = Interims(call, "agent")
        self._live: list[Utterance] = []
        self._tasks = Background()
        self._paused_at: int | None = None
        self._held = False

    @property
    def provider(self) -> str:
        """Who speaks at present."""
        return self._mouths.current

    @property
    def manner(self) -> Manner:
        """How it speaks at present."""
        return self._mouth.manner

    @property
    def active(self) -> bool:
        """True while something is being said or made to be said."""
        return bool(self._live) and any(utterance.begun for utterance in self._live)

    @property
    def interruptible(self) -> bool:
        """False while something is being said that must be heard to its end."""
        return not self._live or self._live[0].interruptible

    @property
    def played_ms(self) -> int:
        """How much of what is being said was played."""
        starts = [u.start for u in self._live if u.start is not None]
        return max(0, self.port.played - starts[0]) * FRAME_MS if starts else 0

    def open(self) -> Utterance:
        """A new utterance; give it text, then `finish` it."""
        utterance = Utterance(self, self._mouth, self._live[-1] if self._live else None)
        self._live.append(utterance)
        self._tasks.hold(utterance.task)
        return utterance

    async def quiet(self) -> None:
        """Wait until nothing that was begun is being said."""
        while begun := [one for one in self._live if one.begun and one.live]:
            await begun[-1].done()

    def say(self, text: str, *, private: bool = False, interruptible: bool = True) -> Utterance:
        """Say a whole text; the conversation remembers it unless it is `private`, and the caller
        can stop it unless it is not `interruptible`.
        """
        utterance = self.open()
        utterance.private, utterance.interruptible = private, interruptible
        utterance.add(text)
        utterance.finish()
        if not private:
            utterance.message = self.conversation.add(Message("agent", text))
        return utterance

    def forget(self, utterance: Utterance) -> None:
        """It was played to its end."""
        if utterance in self._live:
            self._live.remove(utterance)

    def pause(self) -> None:
        """Fall silent from the next frame on."""
        self.port.pause()
        self._paused_at = self.call.bridge.clock.t

    def resume(self) -> None:
        """Go on where `pause` stopped, once nobody is on hold any more."""
        if not self._held:
            self.port.resume()
        self._paused_at = None

    def hold(self, held: bool) -> None:
        """Be silent while the caller is on hold; what is to be said waits."""
        self._held = held
        if held:
            self.port.pause()
        elif self._paused_at is None:
            self.port.resume()

    def stop_unheard(self) -> str:
        """Stop for good; returns what was not heard."""
        position = self.port.played
        unheard = [u.unheard(position) for u in self._live if not u.private]
        self.stop()
        return " ".join(filter(None, unheard))

    def stop(self) -> None:
        """Stop for good; the conversation keeps only what was heard."""
        position = self.port.pause()
        t = self.call.bridge.clock.t if self._paused_at is None else self._paused_at
        live, self._live, self._paused_at = self._live, [], None
        for utterance in live:
            utterance.cancel()
        self.port.clear()
        if self._held:
            self.port.pause()
        for utterance in live:
            utterance.settle(position, t)

    async def close(self) -> None:
        """Stop, and leave nothing running."""
        self.stop()
        await self._tasks.done()

    def cut(self, utterance: Utterance, heard: str) -> None:
        """The conversation keeps only what was heard of it."""
        if utterance.message is not None:
            self.conversation.cut(heard, utterance.message)
        elif heard and not utterance.private:
            self.conversation.add(
                Message("agent", heard, interrupted=True, sounds=utterance.sounds)
            )

    async def finish(self) -> None:
        """Wait until everything said was played or stopped, within the cap."""
        try:
            async with asyncio.timeout(self._cap):
                while self._live:
                    await self._live[-1].done()
        except TimeoutError:
            return
