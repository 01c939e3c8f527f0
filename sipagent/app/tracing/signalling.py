"""Signalling: the spans of a call's set-up and of its legs, with the messages that passed."""

from sipagent.call.mos import heard_mos
from sipagent.events import LegChanged, LegHeld, LegMedia, SipMessage

from . import names
from .making import Making
from .span import Kind, Span

CONFIRMED, DISCONNECTED = "confirmed", "disconnected"
#: the caller went away before an answer (RFC 3261 section 21.4.25): nothing failed
_CANCELLED = 487
#: the edge's own name in a ladder
_US = "sipagent"


class Signalling:
    """Takes what happened, in order."""

    def __init__(self, make: Making, root: Span, early: tuple[SipMessage, ...], t: int) -> None:
        """`early` are messages that came before the call began."""
        self._make = make
        self._root = root
        self._setup: Span | None = make.span("setup", ("setup",), root, t, "internal")
        self._legs: dict[str, Span] = {}
        self._dialogs: dict[str, Span] = {}
        self._heard: set[str] = set()
        self._gone: set[str] = set()
        self._count = 0
        for message in early:
            self.message(message)

    @property
    def legs(self) -> int:
        """How many there were."""
        return self._count

    def message(self, event: SipMessage) -> None:
        """A SIP message passed: its own clock is the wall's, since it may be before the call's."""
        span = self._dialogs.get(event.sip_call_id) or self._setup or self._root
        start = event.start_line.partition(" ")
        is_answer = event.start_line.startswith("SIP/")
        said = f"{start[2][:3]} {event.cseq.rpartition(' ')[2]}" if is_answer else start[0]
        way = "sent" if event.source == _US else "received"
        at = int(event.at.timestamp() * 1_000_000) * 1000
        span.note("sip.message", at, {"sipagent.sip.message": said, "sipagent.sip.way": way})

    def changed(self, event: LegChanged) -> None:
        """A leg is in another state."""
        leg = self._legs.get(event.leg)
        if leg is None:
            if event.leg in self._gone:
                return
            leg = self._legs[event.leg] = self._new(event)
        if event.sip_call_id:
            self._dialogs.setdefault(event.sip_call_id, leg)
        status = event.status or None
        leg.note(event.state, self._make.at(event.t), {"sipagent.sip.status": status})
        if event.state == CONFIRMED and event.role == "caller":
            self._answered(event.t)
        if event.state == DISCONNECTED:
            leg.tell({"sipagent.sip.status": status, "sipagent.reason": event.reason})
            if event.status >= 400 and event.status != _CANCELLED:
                leg.failed(str(event.status), event.reason)
            self._gone.add(event.leg)
            self._part(event.leg)

    def held(self, event: LegHeld) -> None:
        """Its media went on hold, or came back."""
        if (leg := self._legs.get(event.leg)) is not None:
            name = "held" if event.on_hold else "resumed"
            leg.note(name, self._make.at(event.t), {})

    def media(self, event: LegMedia) -> None:
        """How its audio was."""
        leg = self._legs.get(event.leg)
        if leg is None:
            return
        figures = event.model_dump(exclude={"type", "call_id", "at", "t", "leg", "role"})
        leg.tell({f"sipagent.media.{name}": value for name, value in figures.items()})
        leg.tell({"sipagent.media.mos": heard_mos(event)})
        self._heard.add(event.leg)
        self._part(event.leg)

    def over(self, t: int, status: int) -> None:
        """The call ended."""
        if self._setup is not None:
            if status >= 400 and status != _CANCELLED:
                self._setup.failed(str(status))
            self._make.finish(self._setup, t)
            self._setup = None
        for name, leg in self._legs.items():
            self._make.finish(leg, None if name in self._gone else t)

    def _new(self, event: LegChanged) -> Span:
        kind: Kind = "client" if event.role == "callee" else "server"
        leg = self._make.span(f"leg {event.role}", ("leg", event.leg), self._root, event.t, kind)
        self._count += 1
        leg.tell({names.PROTOCOL: "sip", "sipagent.leg": event.leg})
        leg.tell({"sipagent.role": event.role, "sipagent.sip.call_id": event.sip_call_id})
        leg.tell(self._make.personal({"sipagent.remote": event.remote}))
        return leg

    def _answered(self, t: int) -> None:
        if self._setup is not None:
            self._make.finish(self._setup, t)
            self._setup = None

    def _part(self, name: str) -> None:
        """Send a leg that is gone and told how it was."""
        if name in self._gone and name in self._heard:
            self._make.finish(self._legs.pop(name))
