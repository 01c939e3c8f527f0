"""Counting: every event of a call makes its instruments move."""

from dataclasses import dataclass

from sipagent.call.cdr import TRANSFERS
from sipagent.call.mos import heard_mos, reported_mos
from sipagent.call.waterfall import turn_of
from sipagent.events import (
    BargeIn,
    CallEnded,
    CallStarted,
    Event,
    LegChanged,
    LegMedia,
    ModelUsed,
    PolicyDecided,
    ProviderFailed,
    SpeechUsed,
    ToolReturned,
    TurnLatency,
    VerbDone,
    Warned,
)

from .instruments import Instruments, Names

#: whose provider a stage of a turn waits for
_ROLES = {
    "final_text": "ears",
    "first_token": "mind",
    "first_sentence": "mind",
    "first_audio": "mouth",
}


@dataclass(slots=True)
class _Call:
    """What of a live call its end is counted by; media-clock ms."""

    plan: str
    direction: str
    began: int
    answered: int | None = None


class Counting:
    """A listener of the ledger. It never waits and keeps nothing of a call that is over."""

    def __init__(self, instruments: Instruments) -> None:
        self._to = instruments
        self._name = Names()
        self._calls: dict[str, _Call] = {}

    def happened(self, event: Event) -> None:  # noqa: PLR0912 - a table of events
        """Count it."""
        match event:
            case CallStarted():
                plan = self._name("plan", event.plan)
                self._calls[event.call_id] = _Call(plan, event.direction, event.t)
            case LegChanged(role="caller", state="confirmed"):
                self._answered(event)
            case CallEnded():
                self._ended(event)
            case TurnLatency():
                self._turn(event)
            case BargeIn():
                self._to.barge_ins.labels(event.decision).inc()
            case ToolReturned():
                tool = self._name("tool", event.tool)
                self._to.tools.labels(tool, _yes(event.ok)).inc()
                self._to.tool_time.labels(tool).observe(event.ms / 1000)
            case PolicyDecided():
                self._to.policy.labels(
                    self._name("verb", event.verb), event.by.partition(":")[0], _yes(event.allowed)
                ).inc()
            case VerbDone() if event.verb in TRANSFERS:
                self._to.transfers.labels(event.verb, _yes(event.ok)).inc()
            case Warned():
                self._to.warnings.labels(self._name("code", event.code)).inc()
            case ProviderFailed():
                provider = self._name("provider", event.provider)
                self._to.failures.labels(provider, event.role, event.then).inc()
            case ModelUsed() | SpeechUsed():
                self._used(event)
            case LegMedia():
                self._media(event)
            case _:
                pass

    def _answered(self, event: LegChanged) -> None:
        call = self._calls.get(event.call_id)
        if call is not None and call.answered is None:
            call.answered = event.t
            self._to.setup.labels(call.direction).observe((event.t - call.began) / 1000)

    def _ended(self, event: CallEnded) -> None:
        call = self._calls.pop(event.call_id, None)
        if call is None:
            return
        self._to.calls.labels(call.plan, call.direction, str(event.status), event.by).inc()
        if call.answered is not None:
            self._to.duration.labels(call.plan).observe((event.t - call.answered) / 1000)

    def _turn(self, event: TurnLatency) -> None:
        turn = turn_of(event)
        self._to.turns.labels(turn.outcome).inc()
        for stage, ms in turn.took.items():
            provider = self._name("provider", turn.providers.get(_ROLES.get(stage, ""), ""))
            self._to.stage.labels(stage, provider).observe(ms / 1000)
        if turn.response_ms is not None:
            self._to.response.observe(turn.response_ms / 1000)
        if turn.overhead_ms is not None:
            self._to.overhead.observe(turn.overhead_ms / 1000)

    def _used(self, event: ModelUsed | SpeechUsed) -> None:
        provider = self._name("provider", event.provider)
        role = "mind" if isinstance(event, ModelUsed) else event.role
        if event.cost is not None:
            self._to.cost.labels(provider, role).inc(event.cost)
        if isinstance(event, ModelUsed):
            for kind in ("input", "output", "cached"):
                self._to.tokens.labels(provider, kind).inc(getattr(event, kind))
        elif event.role == "ears":
            self._to.heard.labels(provider).inc(event.seconds)
        else:
            self._to.spoken.labels(provider).inc(event.characters)

    def _media(self, event: LegMedia) -> None:
        codec = self._name("codec", event.codec)
        to = self._to
        to.packets.labels("in", codec).inc(event.received)
        to.packets.labels("out", codec).inc(event.sent)
        to.lost.labels("in").inc(event.lost)
        if (heard := heard_mos(event)) is not None:
            to.jitter.observe(event.jitter_ms / 1000)
            to.mos.labels("in").observe(heard)
        if (reported := reported_mos(event)) is not None:
            to.lost.labels("out").inc(event.remote_lost or 0)
            to.mos.labels("out").observe(reported)


def _yes(value: bool) -> str:
    return "true" if value else "false"
