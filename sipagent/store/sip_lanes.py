"""Lanes of a timeline that SIP fills: the ladder of each dialog, and the legs."""

from collections.abc import Iterator, Sequence

from sipagent.events import CallStarted, Event, LegChanged, SipMessage

from .marks import AMBER, BLUE, GREEN, GREY, RED, TEAL, Lane, Mark
from .moments import Clock

_LEG_COLOURS = {"calling": AMBER, "incoming": AMBER, "early": AMBER, "confirmed": GREEN}


def ladders(events: Sequence[Event], time: Clock) -> Iterator[Lane]:
    """One lane for each SIP dialog: what came in points right, what went out points left."""
    rungs = [e for e in events if isinstance(e, SipMessage)]
    us = our_end(rungs, events)
    dialogs: dict[str, list[SipMessage]] = {}
    for rung in rungs:
        dialogs.setdefault(rung.sip_call_id, []).append(rung)
    for number, messages in enumerate(dialogs.values(), 1):
        marks = [_rung(e, time, inward=e.destination == us) for e in messages]
        yield Lane("SIP" if number == 1 else f"SIP {number}", BLUE, marks)


def our_end(rungs: Sequence[SipMessage], events: Sequence[Event]) -> str:
    """Our own name in the ladder: the one end all rungs share, or else the called one."""
    if not rungs:
        return ""
    ends = [{rung.source, rung.destination} for rung in rungs]
    common = set.intersection(*ends)
    if len(common) == 1:
        return common.pop()
    outbound = any(isinstance(e, CallStarted) and e.direction == "outbound" for e in events)
    return rungs[0].source if outbound else rungs[0].destination


def _rung(rung: SipMessage, time: Clock, *, inward: bool) -> Mark:
    failed = rung.start_line.startswith("SIP/2.0 ") and rung.start_line[8:9] in "456"
    return Mark(
        time.of(rung),
        _rung_label(rung),
        RED if failed else BLUE if inward else TEAL,
        "in" if inward else "out",
        detail=f"{rung.source} → {rung.destination}: {rung.start_line} (CSeq {rung.cseq})",
    )


def _rung_label(rung: SipMessage) -> str:
    """`INVITE`, or `180 Ringing`; a final answer to anything but INVITE names its method."""
    first, _, rest = rung.start_line.partition(" ")
    if first != "SIP/2.0":
        return first
    method = rung.cseq.partition(" ")[2]
    return f"{rest} ({method})" if method not in {"", "INVITE"} else rest


def legs(events: Sequence[Event], time: Clock, end: int) -> Iterator[Lane]:
    """One lane for each leg: the states of its INVITE session."""
    changes: dict[str, list[LegChanged]] = {}
    for e in events:
        if isinstance(e, LegChanged):
            changes.setdefault(e.leg, []).append(e)
    for number, moves in enumerate(changes.values()):
        marks = []
        for move, after in zip(moves, [*moves[1:], None], strict=True):
            status = f" {move.status}" if move.status else ""
            failed = move.state == "disconnected" and move.status >= 300
            whom = f" {move.remote}" if move.role != "caller" and move is moves[0] else ""
            marks.append(
                Mark(
                    time.of(move),
                    f"{move.state}{status}{whom}" + (f" {move.reason}" if failed else ""),
                    RED if failed else _LEG_COLOURS.get(move.state, GREY),
                    "tick" if move.state == "disconnected" else "bar",
                    end=time.of(after) if after else end,
                    detail=f"{move.role} {move.remote}: {move.state}{status} {move.reason}",
                )
            )
        yield Lane(f"{moves[0].role} leg" + (f" {number + 1}" if number else ""), GREY, marks)
