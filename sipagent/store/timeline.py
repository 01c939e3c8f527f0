"""The picture of a call: who spoke, what was said, decided, done and signalled, on one time axis.

Long calls are broken into strips below each other, like lines of a score.
"""

import math
from collections.abc import Iterator, Sequence

from sipagent.call.cdr import Cdr, fold
from sipagent.call.waterfall import RESPONSE
from sipagent.events import BargeIn, Event, PolicyDecided

from . import svg
from .lanes import lanes, with_speech
from .marks import AMBER, BLUE, GREEN, GREY, RED, TEAL, VIOLET, Lane
from .moments import Clock, clock
from .strip import HATCH, WIDTH, Picture, Strip, draw_strip
from .talk_lanes import STAGE_COLOURS
from .waveform import Peaks

HEADER, GAP = 92.0, 18.0
_LEGEND = (
    (BLUE, "caller, and SIP → towards us"),
    (TEAL, "agent, and SIP ← from us"),
    (GREEN, "done, allowed, went on"),
    (AMBER, "paused, ringing, to look at"),
    (RED, "denied, failed, cut off"),
    (VIOLET, "keys, another party"),
    (GREY, "the plan, and what was kept"),
)
#: of the bar of a turn, from the caller's last sound to the answer on the wire
_STAGES = (
    ("endpoint", "end of the turn awaited"),
    ("final_text", "text"),
    ("first_token", "first word"),
    ("first_sentence", "first sentence"),
    ("first_audio", "first audio"),
    ("first_rtp", "on the wire"),
)


def draw(events: Sequence[Event], recordings: Sequence[Peaks] = ()) -> str:
    """The timeline of one call as an SVG document. Pure. Raises ValueError for no events."""
    record = fold(events)
    time = clock(events)
    found = [
        lane
        for lane in with_speech(lanes(events, time), events, time)
        if lane.marks or lane.spans or (lane.side and recordings)
    ]
    picture = Picture(found, recordings, time, list(_cuts(events, time)))
    y = HEADER
    parts = [svg.hatching("hatch", "#c3cad2"), *_header(record)]
    for strip in _strips(_duration(found)):
        drawn, y = draw_strip(strip, picture, y)
        parts += drawn
        y += GAP
    parts += _legend(y, _LEGEND)
    stages = [(STAGE_COLOURS[stage], words) for stage, words in _STAGES]
    parts += _legend(y + 18, [*stages, (HATCH, "private: silence was kept")])
    return svg.document(WIDTH, y + 48, parts)


def _cuts(events: Sequence[Event], time: Clock) -> Iterator[tuple[int, str]]:
    """Where policy said no and where the agent gave way: seen through all lanes."""
    for event in events:
        if isinstance(event, PolicyDecided) and not event.allowed:
            yield time.of(event), RED
        elif isinstance(event, BargeIn) and event.decision == "stopped":
            yield time.of(event), AMBER


def _duration(found: Sequence[Lane]) -> int:
    ends = [max(m.t, m.end or 0) for lane in found for m in lane.marks]
    return max([2_000, *ends])


def _strips(duration: int) -> list[Strip]:
    longest = 60_000 if duration <= 600_000 else 120_000
    count = math.ceil(duration / longest)
    unit = 1_000 if duration / count > 10_000 else 200
    length = math.ceil(duration / count / unit) * unit
    return [Strip(n * length, (n + 1) * length, n == count - 1) for n in range(count)]


def _header(record: Cdr) -> Iterator[str]:
    yield svg.text(16, 30, f"{record.caller} → {record.callee}", 18, font_weight="bold")
    when = f"{record.started:%Y-%m-%d %H:%M:%S} UTC" if record.started else "start not seen"
    ended = f"{record.reason}, ended by {record.ended_by}" if record.ended_by else record.reason
    status = "" if record.status in {None, 200} else f" ({record.status})"
    line = f"{record.call_id} · plan {record.plan or '-'} · {when} · {record.duration:.1f} s · "
    yield svg.text(16, 51, f"{line}{ended}{status}", 12, fill=GREY)
    x = 16.0
    for words, colour in _figures(record):
        yield svg.text(x, 72, words, 12, fill=colour, font_weight="bold")
        x += svg.text_width(words, 12) + 22


def _figures(record: Cdr) -> Iterator[tuple[str, str]]:
    for who, count in record.turns.items():
        yield f"{count} turns of the {who}", {"caller": BLUE, "agent": TEAL}.get(who, VIOLET)
    stops = record.barge_ins.get("stopped", 0)
    if record.barge_ins:
        yield f"{record.barge_ins.get('paused', 0)} barge-ins, {stops} for good", AMBER
    if record.tools_ok or record.tools_failed:
        colour = RED if record.tools_failed else GREEN
        yield f"tools: {record.tools_ok} ok, {record.tools_failed} failed", colour
    if record.denials:
        yield f"{record.denials} denied by policy", RED
    for name, figures in (("answers", record.latency.get(RESPONSE)), ("our part", record.overhead)):
        if figures is not None and figures.p50 is not None and figures.p95 is not None:
            yield f"{name} p50/p95 {figures.p50:.0f}/{figures.p95:.0f} ms", GREY
    if record.consent:
        last = record.consent[-1].consent
        yield f"consent {last}", GREEN if last == "given" else RED
    if record.cost is not None:
        yield f"cost {record.cost:.4f}", GREY


def _legend(top: float, entries: Sequence[tuple[str, str]]) -> Iterator[str]:
    x = 16.0
    for colour, words in entries:
        yield svg.element("rect", x=x, y=top, width=10, height=10, fill=colour, rx=2)
        yield svg.text(x + 15, top + 9, words, 11, fill=GREY)
        x += svg.text_width(words, 11) + 30
