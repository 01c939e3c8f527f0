"""Talk: the spans of one agent's session: turns with the waterfall's stages, models and tools."""

import json
from dataclasses import dataclass

from sipagent.call.tracing import TOOL
from sipagent.call.waterfall import turn_of
from sipagent.events import (
    ModelUsed,
    Said,
    SpeechUsed,
    ToolCalled,
    ToolReturned,
    TurnEnded,
    TurnLatency,
)

from . import names
from .making import Making
from .span import Span

#: whose work a stage waits for
_ROLES = {
    "final_text": "ears",
    "first_token": "mind",
    "first_sentence": "mind",
    "first_audio": "mouth",
}


@dataclass(slots=True)
class _Turn:
    """A turn of the caller's and what is done about it. `began` is when it was taken to be over."""

    number: int
    span: Span
    began: int
    measured: bool = False
    over: bool = False


class Talk:
    """One session of one agent. All but `over` take what happened, in order."""

    def __init__(self, make: Making, root: Span, number: int, agent: str, t: int) -> None:
        self._make = make
        self._tag = f"agent-{number}"
        name = f"{names.INVOKE_AGENT} {agent}".strip()
        self.span = make.span(name, (self._tag,), root, t, "internal")
        self.span.tell(
            {
                names.OPERATION: names.INVOKE_AGENT,
                names.AGENT: agent,
                names.CONVERSATION: make.call_id,
            }
        )
        self._turns: list[_Turn] = []
        self._tools: dict[str, tuple[Span, ToolCalled]] = {}
        #: since when the caller has been speaking
        self._heard: int | None = None

    @property
    def place(self) -> Span:
        """What something that happens now is part of: a tool, a turn, or the session."""
        return next(reversed(self._tools.values()))[0] if self._tools else self._current

    @property
    def _current(self) -> Span:
        return self._turns[-1].span if self._turns and not self._turns[-1].over else self.span

    def hears(self, t: int) -> None:
        """The caller begins to speak."""
        if self._heard is None:
            self._heard = t

    def unhears(self) -> None:
        """It was a cough."""
        self._heard = None

    def turn_ended(self, event: TurnEnded) -> None:
        """A turn of the caller's is over; that ends what was done about the one before."""
        for turn in self._turns:
            turn.over = True
        self._settle()
        last = event.t - event.silence_ms
        turn = self._open(event.turn, min(last, last if self._heard is None else self._heard))
        turn.began = event.t
        self._heard = None
        turn.span.covers(turn.span.start, self._make.at(event.t))
        turn.span.tell({"sipagent.turn.reason": event.reason, "sipagent.turn.rule": event.rule})

    def measured(self, event: TurnLatency) -> None:
        """The waterfall of a turn is known."""
        waterfall = turn_of(event)
        turn = next((t for t in self._turns if t.number == event.turn), None)
        if turn is None:
            turn = self._open(event.turn, waterfall.t)
        turn.measured = True
        span = turn.span
        span.tell(
            {
                "sipagent.turn.outcome": waterfall.outcome,
                "sipagent.turn.reason": waterfall.reason,
                "sipagent.turn.response_ms": waterfall.response_ms,
                "sipagent.turn.overhead_ms": waterfall.overhead_ms,
                **{f"sipagent.{role}": who for role, who in waterfall.providers.items()},
                **{f"sipagent.turn.{stage}_ms": ms for stage, ms in waterfall.took.items()},
            }
        )
        if waterfall.outcome == "failed":
            span.failed("failed")
        before = 0
        for stage, ms in waterfall.took.items():
            self._stage(turn, stage, waterfall.t + before, ms)
            before = max(before, waterfall.reached[stage])
        self._settle()

    def said(self, event: Said) -> None:
        """Somebody's words, and when they were to be heard."""
        ids = (self._tag, "speech", event.speaker)
        # never of a tool, which takes no longer for what is said meanwhile
        spoken = self._make.span(
            f"speech {event.speaker}", ids, self._current, event.start, "internal"
        )
        spoken.tell({"sipagent.speaker": event.speaker, "sipagent.interrupted": event.interrupted})
        spoken.tell({"sipagent.confidence": event.confidence})
        spoken.tell(self._make.personal({"sipagent.text": event.text}))
        self._make.finish(spoken, event.end)

    def model(self, event: ModelUsed) -> None:
        """A model has replied."""
        asked = event.t - event.ms
        turn = next((t for t in reversed(self._turns) if t.began <= asked), None)
        parent = self.span if turn is None else turn.span
        name = f"{names.CHAT} {event.model}".strip()
        chat = self._make.span(name, (self._tag, "chat"), parent, asked, "client")
        chat.tell(
            {
                names.OPERATION: names.CHAT,
                names.PROVIDER: self._make.vendors.get(event.provider, event.provider),
                names.REQUEST_MODEL: event.model,
                names.RESPONSE_MODEL: event.model,
                names.INPUT_TOKENS: event.input,
                names.OUTPUT_TOKENS: event.output,
                names.CACHED_TOKENS: event.cached,
                names.FINISH_REASONS: (event.finish,) if event.finish else None,
                names.FIRST_CHUNK: None if event.first_ms is None else event.first_ms / 1000,
                "sipagent.provider": event.provider,
                "sipagent.estimated": event.estimated,
                "sipagent.cost": event.cost,
            }
        )
        if event.finish == "error":
            chat.failed("provider_failed")
        self._make.finish(chat, event.t)

    def tool_called(self, event: ToolCalled) -> None:
        """The model asked for a tool."""
        parent = self._current
        name = f"{names.EXECUTE_TOOL} {event.tool}"
        self._tools[event.id] = (
            self._make.span(name, (TOOL, event.id), parent, event.t, "internal"),
            event,
        )

    def tool_returned(self, event: ToolReturned) -> None:
        """It was told what came of it."""
        if event.id not in self._tools:
            return  # one that was refused before it was called
        tool, called = self._tools.pop(event.id)
        tool.tell(
            {
                names.OPERATION: names.EXECUTE_TOOL,
                names.TOOL_NAME: event.tool,
                names.TOOL_CALL: event.id,
                names.TOOL_TYPE: "function",
            }
        )
        if self._make.content:
            arguments = json.dumps(called.arguments, ensure_ascii=False, default=str)
            tool.tell({names.TOOL_ARGUMENTS: arguments, names.TOOL_RESULT: event.result})
        if not event.ok:
            tool.failed("tool_error", event.result if self._make.content else "")
        self._make.finish(tool, event.t)
        self._settle()

    def speech(self, event: SpeechUsed) -> None:
        """What ears or a mouth did in this session."""
        self.span.note(
            event.type,
            self._make.at(event.t),
            {
                "sipagent.provider": event.provider,
                "sipagent.role": event.role,
                "sipagent.seconds": event.seconds or None,
                "sipagent.characters": event.characters or None,
                "sipagent.cost": event.cost,
            },
        )

    def over(self, t: int) -> None:
        """The session ended: at the latest at `t`, or with the last thing of it."""
        for tool, _ in self._tools.values():
            tool.failed("cancelled")
            self._make.finish(tool, t)
        self._tools.clear()
        for turn in self._turns:
            turn.over = turn.measured = True
        self._settle()
        self._make.finish(self.span)

    def _open(self, number: int, t: int) -> _Turn:
        span = self._make.span(
            f"turn {number}", (self._tag, "turn", str(number)), self.span, t, "internal"
        )
        span.tell({"sipagent.turn": number, names.CONVERSATION: self._make.call_id})
        turn = _Turn(number, span, t)
        self._turns.append(turn)
        return turn

    def _stage(self, turn: _Turn, stage: str, start: int, took: int) -> None:
        role = _ROLES.get(stage, "")
        made = self._make.span(
            stage, (self._tag, "turn", str(turn.number), stage), turn.span, start, "internal"
        )
        made.tell({"sipagent.stage": stage, "sipagent.stage.ms": took, "sipagent.role": role})
        made.tell({"sipagent.provider": turn.span.attributes.get(f"sipagent.{role}")})
        self._make.finish(made, start + took)

    def _settle(self) -> None:
        """Send what is over and measured, once no tool of it is at work."""
        working = {id(span.parent) for span, _ in self._tools.values()}
        left = []
        for turn in self._turns:
            if turn.over and turn.measured and id(turn.span) not in working:
                self._make.finish(turn.span)
            else:
                left.append(turn)
        self._turns = left
