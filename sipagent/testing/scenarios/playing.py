"""Player: goes through the steps of a scenario, and judges what comes of them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from sipagent.errors import SipAgentError

from .evidence import Evidence, Match
from .expectations import Expectation
from .explaining import instead, wording
from .format import Interruption, Step
from .judging import find
from .reading import Case
from .results import Failure, Fate, Part

#: how long what is not to happen is watched for where the caller does nothing more, seconds
_WATCHED = 4.0
#: what only who is inside the call can know
_INSIDE = frozenset({"variables", "intent", "texted"})


class CallOver(SipAgentError):
    """The caller wanted to do something in a call that had ended."""


class Caller(Protocol):
    """Who calls: in a rehearsal, or by a phone."""

    @property
    def evidence(self) -> Evidence:
        """What is known of the call so far."""
        ...

    @property
    def acted(self) -> int:
        """When what the caller did last was over, media-clock ms."""
        ...

    @property
    def before(self) -> int:
        """How many events there were before that."""
        ...

    async def do(self, step: Step) -> None:
        """A deed, at its moment. Raises CallOver, StepFailed."""
        ...

    async def until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Wait until something holds; False where it does not in time, or when the call is over."""
        ...


class StepFailed(SipAgentError):
    """What the caller was to do could not be done."""


class _Broken(Exception):
    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.expected)
        self.failure = failure


@dataclass(frozen=True, slots=True)
class _Absence:
    """Something that is not to happen from an event on; `part` is where its fate stands."""

    expected: Expectation
    since: int
    line: int
    part: int
    to_the_end: bool


@dataclass
class Player:
    """One run of a scenario. `parts` are its deeds and expectations so far."""

    case: Case
    caller: Caller
    parts: list[Part] = field(default_factory=list)
    _cursors: dict[str, int] = field(default_factory=dict)
    _absences: list[_Absence] = field(default_factory=list)

    async def play(self) -> Failure | None:
        """All steps, up to the first that fails."""
        try:
            for number, step in enumerate(self.case.scenario.steps):
                if step.expects is None:
                    await self._deed(step, self.case.lines[number])
                    continue
                lines = self.case.expected[number]
                for expected, line in zip(step.expects, lines, strict=True):
                    await self._expect(expected, line)
            if self._absences:
                await self.caller.until(lambda: False, _WATCHED)
        except _Broken as broken:
            return broken.failure
        return None

    def settle(self) -> Failure | None:
        """The call is over: judge what was not to happen to its end."""
        try:
            self._judge_absences(len(self.caller.evidence.events), to_the_end=True)
        except _Broken as broken:
            return broken.failure
        return None

    def left_out(self) -> list[Part]:
        """The steps that were not come to."""
        every = [part for step in _planned(self.case) for part in step]
        return every[len(self.parts) :]

    async def _deed(self, step: Step, line: int) -> None:
        text = deed_wording(step)
        try:
            await self.caller.do(step)
        except (CallOver, StepFailed) as error:
            self._note(Part(line, text, Fate.FAILED, detail=str(error)))
            raise _Broken(Failure(line, f"the caller {text}", (str(error),))) from error
        self._note(Part(line, text, Fate.PASSED, t=self.caller.acted))
        if step.waits is None:
            self._cursors.clear()
            self._judge_absences(self.caller.before, to_the_end=False)

    async def _expect(self, expected: Expectation, line: int) -> None:
        text, evidence = wording(expected), self.caller.evidence
        since = max(self.caller.before, self._cursors.get(expected.subject, 0))
        inner = expected.not_ or expected.never
        if inner is not None:
            to_the_end = expected.never is not None
            self._absences.append(_Absence(inner, since, line, len(self.parts), to_the_end))
            self._note(Part(line, text, Fate.PASSED, expectation=True))
            return
        if expected.subject in _INSIDE and evidence.variables is None:
            self._note(Part(line, text, Fate.NOT_JUDGED, expectation=True))
            return
        match = await self._awaited(expected, since)
        if match is None:
            told = tuple(instead(expected, self.caller.evidence, since))
            self._note(Part(line, text, Fate.FAILED, expectation=True, detail="; ".join(told)))
            raise _Broken(Failure(line, text, told))
        self._cursors[expected.subject] = match.after
        took = match.t - self.caller.acted
        if expected.within_ms is not None and took > expected.within_ms:
            late = f"it came after {took} ms"
            self._note(Part(line, text, Fate.FAILED, expectation=True, t=match.t, detail=late))
            raise _Broken(Failure(line, text, (late,)))
        self._note(Part(line, text, Fate.PASSED, expectation=True, t=match.t))

    async def _awaited(self, expected: Expectation, since: int) -> Match | None:
        patience = expected.patience or self.case.scenario.patience
        await self.caller.until(
            lambda: find(expected, self.caller.evidence, since) is not None, patience
        )
        return find(expected, self.caller.evidence, since)

    def _judge_absences(self, until: int, *, to_the_end: bool) -> None:
        evidence = self.caller.evidence
        waiting = [a for a in self._absences if a.to_the_end and not to_the_end]
        judged = [a for a in self._absences if a not in waiting]
        self._absences = waiting
        for absence in judged:
            seen = Evidence(
                evidence.events[:until],
                evidence.variables,
                [a for a in evidence.referrals if a.at <= until],
                [a for a in evidence.agents if a.at <= until],
                [a for a in evidence.intents if a.at <= until],
                evidence.texts,
            )
            match = find(absence.expected, seen, absence.since)
            if match is not None:
                text = self.parts[absence.part].text
                told = f"it happened, {match.t / 1000:.2f} s into the call"
                self.parts[absence.part] = Part(
                    absence.line, text, Fate.FAILED, expectation=True, t=match.t, detail=told
                )
                raise _Broken(Failure(absence.line, text, (told,)))

    def _note(self, part: Part) -> None:
        self.parts.append(part)


def deed_wording(step: Step) -> str:
    """`says "when are you open"`."""
    if step.says is not None:
        return f"says {step.says!r}"
    if step.presses is not None:
        return f"presses {step.presses}"
    if step.interrupts is not None:
        return f"interrupts after {step.interrupts.after_ms} ms: {_interrupting(step.interrupts)}"
    if step.waits is not None:
        return f"waits {step.waits:g} s"
    if step.writes is not None:
        return f"writes {step.writes!r}"
    return "coughs" if step.coughs else "hangs up"


def _interrupting(one: Interruption) -> str:
    if one.says:
        return repr(one.says)
    return f"presses {one.presses}" if one.presses else "coughs"


def _planned(case: Case) -> list[list[Part]]:
    return [
        [Part(line, deed_wording(step), Fate.LEFT_OUT)]
        if step.expects is None
        else [
            Part(at, wording(expected), Fate.LEFT_OUT, expectation=True)
            for expected, at in zip(step.expects, case.expected[number], strict=True)
        ]
        for number, (step, line) in enumerate(zip(case.scenario.steps, case.lines, strict=True))
    ]
