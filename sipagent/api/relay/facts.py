"""What RELAY tells of a call, folded from the call's events. Pure."""

import re
from dataclasses import dataclass, field
from typing import Any, Literal

from sipagent.call.numbers import number_of
from sipagent.events import CallEnded, CallStarted, LegChanged

State = Literal["created", "ringing", "answered", "ending", "ended"]
_ORDER: tuple[State, ...] = ("created", "ringing", "answered", "ending", "ended")
_NUMBER = re.compile(r"\+?[0-9*#]{2,}")
#: of the caller's leg
_STATES: dict[str, State] = {
    "calling": "created",
    "incoming": "ringing",
    "early": "ringing",
    "confirmed": "answered",
    "disconnected": "ending",
}
_REASONS = {486: "busy", 600: "busy", 408: "noAnswer", 480: "noAnswer", 603: "decline",
            404: "not_found", 487: "cancel"}  # fmt: skip


@dataclass(slots=True)
class CallFacts:
    """One call, as RELAY shows it."""

    call_id: str
    direction: Literal["inbound", "outbound"] = "inbound"
    caller: str = ""
    callee: str = ""
    state: State = "created"
    answered: bool = False
    last_status: int = 0
    reason: str = field(default="hangup")

    def started(self, event: CallStarted) -> None:
        """It began."""
        self.direction, self.caller, self.callee = event.direction, event.caller, event.callee

    def leg(self, event: LegChanged) -> bool:
        """The caller's leg has changed; True where the call's state has."""
        if event.role != "caller":
            return False
        self.last_status = event.status
        return self._move(_STATES.get(event.state, self.state))

    def ended(self, event: CallEnded) -> None:
        """It is over; nothing comes after this."""
        self.state = "ended"
        if not self.answered:
            by_caller = event.by == "caller" and self.direction == "inbound"
            status = event.status if event.status >= 300 else self.last_status
            self.reason = "cancel" if by_caller else _REASONS.get(status, "hangup")
        elif event.status >= 500:
            self.reason = "error"

    def _move(self, state: State) -> bool:
        if _ORDER.index(state) <= _ORDER.index(self.state):
            return False
        self.state = state
        self.answered = self.answered or state == "answered"
        return True

    @property
    def device(self) -> dict[str, Any]:
        """The parties: by number where both have one, else by SIP URI."""
        sender, to = number_of(self.caller), number_of(self.callee)
        if _NUMBER.fullmatch(sender) and _NUMBER.fullmatch(to):
            return {"type": "phone", "params": {"from_number": sender, "to_number": to}}
        params = {"from": self.caller, "to": self.callee}
        return {"type": "sip", "params": {**params, "from_number": sender, "to_number": to}}

    def shown(self, project: str, node: str, tag: str = "") -> dict[str, Any]:
        """As `calling.call.receive` and `calling.call.state` tell it."""
        found = {
            "call_id": self.call_id,
            "node_id": node,
            "segment_id": self.call_id,
            "project_id": project,
            "direction": self.direction,
            "call_state": self.state,
            "device": self.device,
            "tag": tag,
        }
        return found | ({"end_reason": self.reason} if self.state == "ended" else {})
