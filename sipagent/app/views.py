"""Views: how a call stands, folded from its events as they come."""

from collections.abc import Sequence

from sipagent.api.calls import CallView, Line
from sipagent.events import (
    AgentChanged,
    CallEnded,
    CallStarted,
    Event,
    HoldChanged,
    LegChanged,
    RecordingStarted,
    RecordingStopped,
    Said,
    StepStarted,
)


class Folded:
    """The view of one call; `catch_up` costs what is new since the last time."""

    def __init__(self, call_id: str) -> None:
        self.view = CallView(call_id=call_id)
        self._seen = 0
        self._running: dict[str, str] = {}
        self._kept: dict[str, None] = {}
        self._others: dict[str, str] = {}

    def catch_up(self, events: Sequence[Event]) -> CallView:
        """The view after all events of the call so far."""
        known = self.view.model_dump()
        for event in events[self._seen :]:
            known |= self._changes(event)
        self._seen = len(events)
        known["last_event"] = self._seen
        self.view = CallView.model_construct(**known)
        return self.view

    def _changes(self, event: Event) -> dict[str, object]:
        match event:
            case CallStarted():
                names = ("direction", "caller", "callee", "plan")
                return {"started": event.at, **{name: getattr(event, name) for name in names}}
            case LegChanged(role="caller", state="confirmed"):
                return {"state": "up", "answered": self.view.answered or event.at}
            case LegChanged(role="callee"):
                return {"connected_to": self._other(event)}
            case StepStarted():
                return {"agent": event.agent}
            case AgentChanged():
                return {"agent": event.agent}
            case Said() if event.text:
                return {"last_speaker": event.speaker, "last_words": event.text}
            case HoldChanged():
                return {"on_hold": event.held}
            case RecordingStarted():
                self._running[event.control_id] = _file(event.path)
                return {"recording": True}
            case RecordingStopped():
                self._running.pop(event.control_id, None)
                self._kept[_file(event.path)] = None
                return {"recording": bool(self._running), "recordings": tuple(self._kept)}
            case CallEnded():
                # a worker that was killed could not say that it had stopped them
                self._kept |= dict.fromkeys(self._running.values())
                return {
                    "recordings": tuple(self._kept),
                    "state": "ended", "ended": event.at, "reason": event.reason,
                    "ended_by": event.by, "status": event.status, "recording": False,
                    "on_hold": False, "connected_to": "",
                }  # fmt: skip
        return {}

    def _other(self, event: LegChanged) -> str:
        if event.state == "confirmed":
            self._others[event.leg] = event.remote
        elif event.state == "disconnected":
            self._others.pop(event.leg, None)
        return next(reversed(self._others.values()), "")


def _file(path: str) -> str:
    return path.rpartition("/")[2]


def lines(events: Sequence[Event]) -> list[Line]:
    """The transcript."""
    return [
        Line(
            n=n,
            at=event.at,
            t=event.start,
            speaker=event.speaker,
            text=event.text,
            interrupted=event.interrupted,
        )
        for n, event in enumerate(events, 1)
        if isinstance(event, Said)
    ]
