"""Answering-machine detection: detect_machine."""

import asyncio
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from sipagent.call.control import CallControl
from sipagent.call.leg import Leg
from sipagent.call.session import CallSession
from sipagent.call.verb import Outcome, Verb
from sipagent.errors import PlanError
from sipagent.events import MachineDetected
from sipagent.media.answering import AnswerRules, AnswerWatch, Finding
from sipagent.media.frames import FRAME_MS

from .flow import remember
from .silence import ear_on
from .statuses import Status
from .waiting import answered, while_caller_stays


def _names(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return tuple(name.strip() for name in value.split(",") if name.strip())


class DetectMachineVerb(Verb):
    """Find out who answered: a person, a machine or a fax.

    Sets detect_result (human, machine, fax, unknown), detect_reason, detect_ready (beep, silence,
    or empty: whether a machine listens now) and detect_ms.
    """

    name: ClassVar[str] = "detect_machine"
    leg: Literal["caller", "other"] = Field(
        default="caller",
        description="the caller (in a confirm section: whoever answered), or other",
    )
    detectors: Annotated[tuple[Literal["amd", "fax"], ...], BeforeValidator(_names)] = Field(
        default=("amd", "fax"), min_length=1, description="amd, fax, or both"
    )
    detect_message_end: bool = Field(
        default=False, description="with a machine: wait until it has beeped, or fallen silent"
    )
    initial_timeout: float = Field(
        default=4.5, gt=0, le=60, description="seconds to the first word"
    )
    end_silence_timeout: float = Field(
        default=1.0, gt=0, le=10, description="seconds of silence after a person's greeting"
    )
    machine_voice_threshold: float = Field(
        default=1.25, gt=0, le=30, description="seconds of voice that only a machine greets with"
    )
    machine_words_threshold: int = Field(default=6, ge=1, le=100)
    machine_ready_timeout: float = Field(
        default=2.0, gt=0, le=30, description="seconds of silence after which a machine listens"
    )
    tone: Literal["CED", "CNG"] = Field(
        default="CED", description="of a fax that answers, or calls"
    )
    timeout: float = Field(default=30, gt=0, le=300, description="seconds in all")
    wait: bool = Field(default=True, description="false: the plan goes on meanwhile")
    status_url: str | None = Field(default=None, description="told what was found")

    @property
    def _rules(self) -> AnswerRules:
        return AnswerRules(
            initial_ms=round(self.initial_timeout * 1000),
            end_silence_ms=round(self.end_silence_timeout * 1000),
            machine_voice_ms=round(self.machine_voice_threshold * 1000),
            machine_words=self.machine_words_threshold,
            ready_ms=round(self.machine_ready_timeout * 1000),
            fax=self.tone if "fax" in self.detectors else None,
            machines="amd" in self.detectors,
        )

    async def run(self, control: CallControl) -> Outcome:
        """Listen until it is clear, or time is up."""
        call = control.call
        await answered(call)
        leg = call.caller if self.leg == "caller" else call.other
        if leg is None:
            raise PlanError("there is no other in this call now")
        remember(call, detect_result="", detect_reason="", detect_ready="", detect_ms=0)
        if not self.wait:
            call.spawn(self._found(call, leg), instead_of=f"detect-{leg.info.id}")
            return Outcome(detail="detecting")
        found = await while_caller_stays(call, self._found(call, leg))
        return Outcome(detail=f"{found.answered}: {found.evidence}")

    async def _found(self, call: CallSession, leg: Leg) -> Finding:
        watch, ms = AnswerWatch(call.bridge.rate, self._rules), 0
        detector = call.services.detector(call.bridge.rate)
        try:
            async with asyncio.timeout(self.timeout), ear_on(call, leg) as port:
                async for frame in port.frames():
                    ms += FRAME_MS
                    watch.frame(frame.pcm, detector.probability(frame.pcm))
                    if self._enough(watch):
                        break
        except TimeoutError:
            pass
        found = watch.finding or Finding("unknown", f"nothing certain in {ms} ms")
        self._report(call, found, watch.ready)
        remember(
            call,
            detect_result=found.answered,
            detect_reason=found.evidence,
            detect_ready=watch.ready,
            detect_ms=ms,
        )
        call.emit(
            MachineDetected,
            leg=leg.info.id,
            result=found.answered,
            evidence=found.evidence,
            ready=watch.ready,
            ms=ms,
        )
        return found

    def _report(self, call: CallSession, found: Finding, ready: str) -> None:
        """As detectors of RELAY tell: what it is, READY where a machine listens, finished."""
        fax = found.answered == "fax"
        told = Status(
            call,
            self.status_url,
            "calling.call.detect",
            {"control_id": call.posts.number("detect")},
        )
        kind = "fax" if fax else "machine"
        events = [self.tone if fax else found.answered.upper()]
        events += ["READY"] * bool(ready) + ["finished"]
        for event in events:
            told.tell(detect={"type": kind, "params": {"event": event}})

    def _enough(self, watch: AnswerWatch) -> bool:
        if watch.finding is None:
            return False
        waits = self.detect_message_end and watch.finding.answered == "machine"
        return bool(watch.ready) or not waits


DETECTING: tuple[type[Verb], ...] = (DetectMachineVerb,)
