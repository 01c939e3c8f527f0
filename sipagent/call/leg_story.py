"""LegStory: every change of one leg as events, each once."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from sipagent.events import LegChanged, LegHeld, LegMedia, Speaker

from .leg import Leg, LegState

#: puts an event on record, as `CallSession.emit`
Emit = Callable[..., Any]


class LegStory:
    """Call it after every change of the leg; True where its state is another one."""

    def __init__(self, role: Speaker, emit: Emit) -> None:
        self._role = role
        self._emit = emit
        self._seen: tuple[LegState, int] | None = None
        self._held = False

    def changed(self, leg: Leg) -> bool:
        """Tell what is new."""
        if self._held != leg.on_hold and leg.state is LegState.CONFIRMED:
            self._held = leg.on_hold
            self._emit(LegHeld, leg=leg.info.id, role=self._role, on_hold=self._held)
        now = (leg.state, leg.status)
        if self._seen == now:
            return False
        self._seen = now
        self._emit(
            LegChanged,
            leg=leg.info.id,
            role=self._role,
            remote=leg.info.remote,
            state=leg.state,
            status=leg.status,
            reason=leg.reason,
            sip_call_id=leg.info.sip_call_id,
        )
        return True

    def media(self, leg: Leg) -> None:
        """Tell how its media was, where that is known."""
        if leg.quality is not None:
            self._emit(LegMedia, leg=leg.info.id, role=self._role, **asdict(leg.quality))
