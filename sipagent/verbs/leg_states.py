"""What `call_state_url` is told: how the leg of a party that was called fares."""

from collections.abc import Callable, Sequence
from typing import Any

from sipagent.call.identity import swml_id
from sipagent.call.leg import Leg, LegState
from sipagent.call.session import CallSession

from .statuses import Status

_SAID = {
    LegState.CALLING: "created",
    LegState.EARLY: "ringing",
    LegState.CONFIRMED: "answered",
    LegState.DISCONNECTED: "ended",
}


def watcher(call: CallSession, url: str | None, events: Sequence[str]) -> Callable[[Leg], None]:
    """What follows a leg from its INVITE on and reports the `events`, each once."""

    def watch(leg: Leg) -> None:
        if not url:
            return
        told = Status(call, url, "calling.call.state", _about(call, leg))
        said: set[str] = set()

        def changed(now: Leg) -> None:
            state = _SAID.get(now.state, "")
            if state in events and state not in said:
                said.add(state)
                told.tell(call_state=state, **_end(now))

        leg.on_change(changed)
        changed(leg)

    return watch


def _about(call: CallSession, leg: Leg) -> dict[str, Any]:
    params = {"from": leg.info.local, "to": leg.info.remote}
    return {
        "call_id": f"{swml_id(call)}.{leg.info.id}",
        "direction": "outbound",
        "device": {"type": "sip", "params": params},
        "parent": {"call_id": swml_id(call), "node_id": "", "device_type": "sip"},
    }


def _end(leg: Leg) -> dict[str, Any]:
    if leg.state is not LegState.DISCONNECTED:
        return {}
    reasons = {200: "hangup", 486: "busy", 600: "busy", 408: "noAnswer", 480: "noAnswer"}
    reasons |= {487: "cancel", 603: "decline"}
    reason = reasons.get(leg.status, "error")
    return {"end_reason": reason, "sip_response_code": leg.status, "reason": leg.reason}
