"""CallTrace: the trace of one call, made of its events and of nothing else.

Every span lies within its parent: a parent lasts at least as long as what it covers.
"""

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from sipagent.call.cdr import TRANSFERS
from sipagent.call.tracing import CALL, SpanContext
from sipagent.events import (
    AgentChanged,
    BargeIn,
    CallEnded,
    CallStarted,
    ConsentChanged,
    Event,
    HoldChanged,
    LanguageChanged,
    LegChanged,
    LegHeld,
    LegMedia,
    LimitReached,
    MachineDetected,
    McpCalled,
    MeetingChanged,
    ModelUsed,
    PolicyDecided,
    ProviderFailed,
    Said,
    SecureEntry,
    SipMessage,
    SpeechStarted,
    SpeechUsed,
    StepChanged,
    StepStarted,
    ToolCalled,
    ToolReturned,
    TurnEnded,
    TurnLatency,
    VerbDone,
    Warned,
    WebAsked,
)

from . import names
from .making import Making
from .signalling import Signalling
from .span import Kind, Span, Value
from .talk import Talk

#: what is noted where it happened, and what of it is told
_NOTED: Mapping[type[Event], tuple[str, ...]] = {
    BargeIn: ("decision", "evidence", "played_ms", "spoken_ms", "voiced_ms", "echo"),
    ConsentChanged: ("consent", "how"),
    HoldChanged: ("held", "signalled"),
    LanguageChanged: ("language", "voice"),
    LimitReached: ("limit", "bound", "value"),
    MachineDetected: ("leg", "result", "evidence", "ms"),
    MeetingChanged: ("place", "name", "change", "count"),
    PolicyDecided: ("verb", "by", "allowed", "confirmed"),
    SecureEntry: ("change", "entry", "result"),
    StepChanged: ("context", "step", "before", "by"),
    StepStarted: ("section", "index", "verb", "document"),
    Warned: ("code",),
}
#: and what of it only with `content`: it may name who was to be called
_NAMING: Mapping[type[Event], str] = {PolicyDecided: "reason", Warned: "detail"}
#: steps in which an agent talks
_TALKS = frozenset({"ai", "amazon_bedrock"})
_CANCELLED = 487


class CallTrace:
    """`happened` takes events in order and gives the spans that are over by them."""

    def __init__(
        self,
        began: CallStarted,
        context: SpanContext,
        early: Sequence[SipMessage],
        vendors: Mapping[str, str],
        *,
        content: bool,
    ) -> None:
        """`early` are messages that passed before it began."""
        self.context = context
        zero = int(began.at.timestamp() * 1_000_000) * 1000 - began.t * 1_000_000
        self._make = Making(began.call_id, zero, content, vendors)
        kind: Kind = "server" if began.direction == "inbound" else "client"
        self._root = self._make.span(
            f"{CALL} {began.plan}".strip(), (CALL,), began.traced_by or None, began.t, kind
        )
        self._root.tell(
            {
                names.PROTOCOL: "sip",
                names.CONVERSATION: began.call_id,
                "sipagent.call_id": began.call_id,
                "sipagent.direction": began.direction,
                "sipagent.plan": began.plan,
                "sipagent.sip.call_id": began.sip_call_id,
            }
        )
        people = {"sipagent.caller": began.caller, "sipagent.callee": began.callee}
        self._root.tell(self._make.personal(people))
        self._sip = Signalling(self._make, self._root, tuple(early), began.t)
        self._talk: Talk | None = None
        self._talks = self._turns = 0
        #: since when a verb is at work that was allowed: verb and whose it is
        self._allowed: dict[tuple[str, str], int] = {}

    def happened(self, event: Event) -> Sequence[Span]:
        """Take it."""
        if isinstance(event, SipMessage):
            self._sip.message(event)
            return self._make.finished()
        self._signalled(event)
        self._talked(event)
        self._done(event)
        if (keys := _NOTED.get(type(event))) is not None:
            told = {f"sipagent.{key}": getattr(event, key) for key in keys}
            if self._make.content and (key := _NAMING.get(type(event))) is not None:
                told[f"sipagent.{key}"] = getattr(event, key)
            self._place.note(event.type, self._make.at(event.t), told)
        if isinstance(event, CallEnded):
            self._ended(event)
        return self._make.finished()

    @property
    def _place(self) -> Span:
        return self._root if self._talk is None else self._talk.place

    def _signalled(self, event: Event) -> None:
        match event:
            case LegChanged():
                self._sip.changed(event)
            case LegHeld():
                self._sip.held(event)
            case LegMedia():
                self._sip.media(event)
            case _:
                pass

    def _talked(self, event: Event) -> None:  # noqa: PLR0912 - a table of events
        if isinstance(event, StepStarted | AgentChanged):
            if event.agent or (isinstance(event, StepStarted) and event.verb in _TALKS):
                self._begin(event.agent, event.t)
            return
        talk = self._talk
        if talk is None:
            return
        match event:
            case SpeechStarted(speaker="caller"):
                talk.hears(event.t)
            case BargeIn(decision="resumed" | "ignored"):
                talk.unhears()
            case TurnEnded():
                self._turns += 1
                talk.turn_ended(event)
            case TurnLatency():
                talk.measured(event)
            case Said():
                talk.said(event)
            case ModelUsed():
                talk.model(event)
            case ToolCalled():
                talk.tool_called(event)
            case ToolReturned():
                talk.tool_returned(event)
            case SpeechUsed():
                talk.speech(event)
            case _:
                pass

    def _done(self, event: Event) -> None:
        match event:
            case PolicyDecided() if event.allowed:
                self._allowed[event.verb, event.by] = event.t
            case VerbDone():
                self._verb(event)
            case WebAsked():
                self._asked(event)
            case McpCalled():
                self._mcp(event)
            case ProviderFailed():
                self._place.note(
                    "exception",
                    self._make.at(event.t),
                    {
                        "exception.type": "ProviderError",
                        "exception.message": event.cause,
                        "sipagent.provider": event.provider,
                        "sipagent.role": event.role,
                        "sipagent.then": event.then,
                        "sipagent.next": event.next,
                    },
                )
            case _:
                pass

    def _begin(self, agent: str, t: int) -> None:
        if self._talk is not None:
            self._talk.over(t)
        self._talks += 1
        self._talk = Talk(self._make, self._root, self._talks, agent, t)

    def _verb(self, event: VerbDone) -> None:
        since = self._allowed.pop((event.verb, event.by), event.t)
        told: dict[str, Value | None] = {
            "sipagent.verb": event.verb,
            "sipagent.by": event.by,
            "sipagent.ok": event.ok,
            "sipagent.sip.status": event.status,
        }
        if event.verb not in TRANSFERS:
            self._place.note(event.type, self._make.at(event.t), told)
            return
        span = self._make.span(event.verb, ("verb", event.verb), self._place, since, "client")
        span.tell(told)
        if not event.ok:
            span.failed(str(event.status or "failed"), event.detail if self._make.content else "")
        self._make.finish(span, event.t)

    def _asked(self, event: WebAsked) -> None:
        server = urlsplit(f"//{event.host}")
        span = self._make.span(
            event.method, ("web", event.by), self._place, event.t - event.ms, "client"
        )
        span.tell(
            {
                names.HTTP_METHOD: event.method,
                names.SERVER: server.hostname,
                names.PORT: server.port,
                names.HTTP_STATUS: event.status,
                "sipagent.by": event.by,
                "sipagent.bytes": event.bytes,
            }
        )
        span.tell(self._make.personal({names.PATH: event.path}))
        if event.status is None or event.status >= 400:
            span.failed(str(event.status or "no_answer"))
        self._make.finish(span, event.t)

    def _mcp(self, event: McpCalled) -> None:
        span = self._make.span(
            f"tools/call {event.tool}", ("mcp", event.server), self._place, event.t - event.ms,
            "client",
        )  # fmt: skip
        span.tell(
            {
                names.MCP_METHOD: "tools/call",
                names.TOOL_NAME: event.tool,
                "sipagent.mcp.server": event.server,
                "sipagent.outcome": event.outcome,
            }
        )
        if event.outcome != "answered":
            span.failed(event.outcome)
        self._make.finish(span, event.t)

    def _ended(self, event: CallEnded) -> None:
        if self._talk is not None:
            self._talk.over(event.t)
        self._sip.over(event.t, event.status)
        self._root.tell(
            {
                "sipagent.sip.status": event.status,
                "sipagent.reason": event.reason,
                "sipagent.ended_by": event.by,
                "sipagent.legs": self._sip.legs,
                "sipagent.agents": self._talks,
                "sipagent.turns": self._turns,
            }
        )
        if event.status >= 400 and event.status != _CANCELLED:
            self._root.failed(str(event.status), event.reason)
        self._make.finish(self._root, event.t)
