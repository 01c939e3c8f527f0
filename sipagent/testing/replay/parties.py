"""Parties: whom a call on record dialled, as they behaved then. Pure."""

from collections.abc import Sequence

from sipagent.events import CallEnded, DigitReceived, Event, LegChanged
from sipagent.testing.rehearsal import Deed, Party

#: anybody who is dialled now and was not then behaves as the first one did
_ANYBODY = ("sip:*", "sips:*", "tel:*")


def parties_of(events: Sequence[Event]) -> tuple[dict[str, Party], tuple[str, ...]]:
    """By target; and what could not be taken over."""
    found: dict[str, Party] = {}
    notes: list[str] = []
    legs = dict.fromkeys(e.leg for e in events if isinstance(e, LegChanged) and e.role == "callee")
    for leg in legs:
        moves = [e for e in events if isinstance(e, LegChanged) and e.leg == leg]
        target = moves[0].remote
        party = _party(moves, events)
        if target not in found:
            found[target] = party
        elif found[target] != party:
            notes.append(f"{target} was dialled again and behaved otherwise: it now always does "
                         "what it did first")  # fmt: skip
    for pattern in _ANYBODY if found else ():
        found.setdefault(pattern, next(iter(found.values())))
    return found, tuple(dict.fromkeys(notes))


def _party(moves: Sequence[LegChanged], events: Sequence[Event]) -> Party:
    begun = moves[0].t
    at = {move.state: (move.t - begun) / 1000 for move in moves}
    end = next((move for move in moves if move.state == "disconnected"), None)
    rings = at.get("early")
    if "confirmed" in at:
        return Party(rings, at["confirmed"], 200, _deeds(moves, at["confirmed"], events))
    if end is None or end.status in (0, 487):
        return Party(rings, None)  # we gave up
    return Party(rings, at["disconnected"], end.status)


def _deeds(
    moves: Sequence[LegChanged], answered: float, events: Sequence[Event]
) -> tuple[Deed, ...]:
    """Keys they pressed, and that they hung up, where nobody else had."""
    begun, deeds = moves[0].t / 1000, []
    last = answered
    for event in events:
        if isinstance(event, DigitReceived) and event.leg == moves[0].leg and event.digit:
            deeds.append(Deed(presses=event.digit, after=max(0.0, event.t / 1000 - begun - last)))
            last = event.t / 1000 - begun
    end = next((move for move in moves if move.state == "disconnected"), None)
    if end is not None and _left_themselves(end, events):
        deeds.append(Deed(hangs_up=True, after=max(0.0, end.t / 1000 - begun - last)))
    return tuple(deeds)


def _left_themselves(end: LegChanged, events: Sequence[Event]) -> bool:
    """Did this party hang up, before the caller's leg was gone and the call was over?"""
    for event in events:
        if event is end:
            return True
        if isinstance(event, LegChanged) and event.role == "caller":
            if event.state == "disconnected":
                return False
        elif isinstance(event, CallEnded):
            return False
    return False
