"""Mind: what the agent does, one thing after another: say, answer, ask, apologise, end."""

import asyncio
from collections.abc import Callable, Sequence

from sipagent.call.control import CallControl
from sipagent.call.interview import Answers, Field
from sipagent.call.services import TalkEnd

from .answers import yes_or_no
from .asking import Asking
from .budget import reached
from .conversation import Conversation, Message
from .guiding.guide import Guide
from .jobs import Answer, Failure, GoOn, Job, LastWords, Leave, Overheard, Sleep, Speak
from .latency import Outcome, TurnClock
from .limits import Failures
from .protocols import Expectation
from .speaking.speaker import Speaker
from .spec import AgentSpec
from .steps.interview import interview
from .thinking import Reply, Thinker


class Mind:
    """Owns the one job that runs. `caller_busy` tells whether the caller has the floor."""

    def __init__(
        self,
        spec: AgentSpec,
        thinker: Thinker,
        speaker: Speaker,
        conversation: Conversation,
        guide: Guide,
        *,
        failures: Failures,
        caller_busy: Callable[[], bool],
    ) -> None:
        self._spec = spec
        self._thinker = thinker
        self._speaker = speaker
        self._conversation = conversation
        self._guide = guide
        #: as many as the caller can speak turns while a tool runs: each turn takes half a
        #: second, and a tool its timeout
        self._jobs: asyncio.Queue[Job] = asyncio.Queue()
        self._job: asyncio.Task[TalkEnd | None] | None = None
        self.asking = Asking(speaker, spec.silence_seconds[0], caller_busy)
        self._may_cancel = True
        #: notes for the next reply
        self._asides: list[str] = []
        self.failures = failures

    @property
    def busy(self) -> bool:
        """True while there is anything to say or think about."""
        return self._job is not None or not self._jobs.empty()

    @property
    def holds_floor(self) -> bool:
        """True while there is something the caller could interrupt."""
        return self._job is not None and not self._thinker.tools.give_up

    @property
    def in_tool(self) -> bool:
        """True while a tool runs and nothing is asked: keys are the tool's."""
        return self._thinker.tools.running and not self.asking.open

    def tell(self, job: Job) -> None:
        """Something to do next."""
        self._jobs.put_nowait(job)

    def note(self, text: str) -> None:
        """Something to know with the next reply."""
        if text not in self._asides:
            self._asides.append(text)

    def interrupt(self) -> None:
        """The caller took the floor. A tool that acts already is not torn down half-way: it
        returns, and nothing more is said in this turn.
        """
        if self._job is None or self.asking.open:
            return
        if self._thinker.tools.running and not self._may_cancel:
            self._thinker.tools.give_up = True
        else:
            self._job.cancel()

    async def run(self, control: CallControl) -> TalkEnd:
        """Do what there is to do until the talk is over."""
        while True:
            jobs = [await self._jobs.get()]
            while not self._jobs.empty():
                jobs.append(self._jobs.get_nowait())
            self._job = asyncio.create_task(self._do(jobs, control))
            try:
                end = await self._job
            except asyncio.CancelledError:
                # an interrupted job is nothing special; being cancelled ourselves is
                task = asyncio.current_task()
                if task is None or task.cancelling():
                    raise
                continue
            finally:
                self._job = None
            if end is not None:
                return end

    async def confirm(self, control: CallControl, question: str) -> bool:
        """Ask, and once more when the answer was neither yes nor no. Silence is no."""
        if self._thinker.tools.give_up:
            return False
        with _Cancellable(self):
            for words in (question, f"{self._speaker.manner.prompts.reprompt} {question}"):
                message = await self.asking.ask(control, words)
                verdict = None if message is None else self._verdict(message)
                if verdict is not None:
                    return verdict
        return False

    async def interview(
        self, control: CallControl, opening: str, fields: Sequence[Field]
    ) -> Answers:
        """See `Interviewer`. The tool that wants to know runs already: it is not torn down."""
        if self._thinker.tools.give_up:
            return Answers("cancel")

        async def ask(words: str, expected: Expectation) -> Message | None:
            return await self.asking.ask(control, words, expected)

        return await interview(ask, opening, fields, self._speaker.manner.tongue.language)

    def _verdict(self, message: Message) -> bool | None:
        return yes_or_no(message.text, message.digits, self._speaker.manner.tongue.language)

    async def say(self, text: str) -> None:
        """Say it and wait until it was heard. Cancelled, all that is being said stops."""
        utterance = self._speaker.say(text, private=True)
        try:
            await utterance.done()
        except asyncio.CancelledError:
            self._speaker.stop()
            raise

    async def finish_speaking(self) -> None:
        """Wait until what is being said was heard. Until then the caller can still stop it all."""
        with _Cancellable(self):
            await self._speaker.finish()

    def cancellable(self, may: bool) -> None:
        """May the running job be torn down?"""
        self._may_cancel = may

    async def _do(self, jobs: list[Job], control: CallControl) -> TalkEnd | None:
        answers = [job for job in jobs if isinstance(job, Answer)]
        for job in jobs:
            if isinstance(job, Leave):
                return job.end
        for job in jobs:
            if isinstance(job, Overheard):
                self._conversation.add(job.message)
            elif isinstance(job, LastWords):
                return await self._last_words([*answers, GoOn(job.note, with_tools=False)], control)
        if answers:
            return await self._reply(answers, control)
        if any(isinstance(job, Failure) for job in jobs):
            return await self._failed()
        for job in jobs:
            if isinstance(job, Sleep):
                await asyncio.sleep(job.seconds)
            elif isinstance(job, Speak):
                utterance = self._speaker.say(job.text, interruptible=job.interruptible)
                await utterance.done()
                if utterance.failure is not None:
                    return TalkEnd("failed", self._spec.fallback)
        notes = [job for job in jobs if isinstance(job, GoOn)]
        return await self._reply(notes, control) if notes else None

    async def _reply(
        self, reasons: Sequence[Answer | GoOn], control: CallControl
    ) -> TalkEnd | None:
        clock = TurnClock.of_no_turn(control.call)
        for reason in reasons:
            if isinstance(reason, GoOn):
                self._conversation.add(Message("system", reason.note))
            else:
                self._conversation.hear(reason.message)
                clock = reason.clock
        for note in self._asides:
            self._conversation.add(Message("system", note))
        self._asides.clear()
        if reached(self._spec.budget, control.call):
            clock.record("silent")
            return await self._take_leave()
        control.call.spending.turns += any(isinstance(reason, Answer) for reason in reasons)
        self._may_cancel = False
        outcome: Outcome = "interrupted"
        try:
            with_tools = all(isinstance(r, Answer) or r.with_tools for r in reasons)
            reply = await self._thinker.reply(control, clock, with_tools=with_tools)
            outcome = "failed" if reply is Reply.FAILED else "silent"
        finally:
            self._thinker.tools.give_up = False
            clock.record(outcome)
        if reply is Reply.FAILED:
            return await self._failed()
        self.failures.clear()
        if reply is Reply.ENDS_TALK or self._guide.end is not None:
            if self._speaker.port in control.call.room.members:
                await self._speaker.finish()
            return self._told_to_leave() or self._guide.end or TalkEnd("done")
        if note := self._guide.goes_on():
            self.tell(GoOn(note))
        return None

    def _told_to_leave(self) -> TalkEnd | None:
        """How the talk ends where a tool of the last reply has said it: nothing else is done."""
        while not self._jobs.empty():
            job = self._jobs.get_nowait()
            if isinstance(job, Leave):
                return job.end
        return None

    async def _last_words(self, reasons: Sequence[Answer | GoOn], control: CallControl) -> TalkEnd:
        end = await self._reply(reasons, control)
        return end or TalkEnd("limit")

    async def _take_leave(self) -> TalkEnd:
        await self._speaker.say(self._speaker.manner.prompts.goodbye).done()
        return TalkEnd("limit", self._spec.fallback)

    async def _failed(self) -> TalkEnd | None:
        if self.failures.add():
            return TalkEnd("failed", self._spec.fallback)
        utterance = self._speaker.say(self._speaker.manner.prompts.apology)
        await utterance.done()
        return TalkEnd("failed", self._spec.fallback) if utterance.failure else None


class _Cancellable:
    """Nothing has been done yet: what runs may be torn down without harm."""

    def __init__(self, mind: Mind) -> None:
        self._mind = mind

    def __enter__(self) -> None:
        self._mind.cancellable(True)

    def __exit__(self, *exception: object) -> None:
        self._mind.cancellable(False)
