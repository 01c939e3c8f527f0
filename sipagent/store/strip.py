"""One strip of a timeline: its lanes, and labels that never cover each other."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from . import svg
from .marks import BLUE, GREY, RED, TEAL, Lane, Mark
from .moments import Clock
from .waveform import Peaks

WIDTH, LEFT, RIGHT = 1400.0, 104.0, 16.0
PLOT = WIDTH - LEFT - RIGHT
AXIS, WAVE, ROW, PAD, SIZE = 22.0, 46.0, 16.0, 4.0, 11.0
#: labels get as many rows as this; what is red always gets one
ROWS = 9
#: widest label, px; where there is no room for that, a third of it
LABEL = 460.0
SHADE = "#f5f7fa"
#: fills what nobody was to hear
HATCH = "url(#hatch)"
HALO: dict[str, str | float | None] = {
    "stroke": "#ffffff",
    "stroke_width": 3,
    "paint_order": "stroke",
}
_BARS = frozenset({"bar", "stages", "hatched"})
_STEPS = (100, 200, 500, 1_000, 2_000, 5_000, 10_000)


@dataclass(frozen=True, slots=True)
class Picture:
    """What all strips share. `cuts` are moments marked through all lanes, with their colour."""

    lanes: Sequence[Lane]
    recordings: Sequence[Peaks]
    time: Clock
    cuts: Sequence[tuple[int, str]]


@dataclass(slots=True)
class Strip:
    """A stretch of time across the whole width."""

    start: int
    end: int
    last: bool

    def x(self, t: float) -> float:
        """Pixels from the left for `t` ms, held inside the plot."""
        share = (t - self.start) / (self.end - self.start)
        return LEFT + PLOT * min(1.0, max(0.0, share))

    def shows(self, mark: Mark) -> bool:
        """True where the mark begins here, or lasts into here."""
        inside = self.start <= mark.t < self.end or (self.last and mark.t == self.end)
        lasts = mark.shape in _BARS and mark.end is not None
        return inside or (lasts and mark.t < self.end and (mark.end or 0) > self.start)


@dataclass(slots=True)
class Rows:
    """Places labels so that none covers another."""

    taken: list[list[tuple[float, float]]] = field(default_factory=list)

    def place(self, x: float, width: float, limit: int) -> int | None:
        """The first row with room from `x` on, or None when `limit` rows are full there."""
        for index, row in enumerate(self.taken):
            if all(x + width + 4 <= a or x >= b + 4 for a, b in row):
                row.append((x, x + width))
                return index
        if len(self.taken) >= limit:
            return None
        self.taken.append([(x, x + width)])
        return len(self.taken) - 1


@dataclass(frozen=True, slots=True)
class _Placed:
    """A mark with its label's place; `row` is None where there was no room for a label."""

    mark: Mark
    x: float
    label_x: float
    row: int | None
    words: str
    struck: str
    #: px from `x` to where the words begin
    shift: float = 0.0


def draw_strip(strip: Strip, picture: Picture, top: float) -> tuple[list[str], float]:
    """The strip's elements, and where it ends. A lane with nothing in this strip is left out."""
    ground: list[str] = []
    ink: list[str] = []
    shaded = False
    y = top + AXIS
    for lane in picture.lanes:
        marks = [m for m in lane.marks if strip.shows(m)]
        if not marks and not lane.side:
            continue
        placed, rows = _place(strip, marks)
        head = WAVE if lane.side else PAD
        height = head + rows * ROW + PAD
        fill = "#ffffff" if shaded else SHADE
        shaded = not shaded
        ground.append(svg.element("rect", x=0, y=y, width=WIDTH, height=height, fill=fill))
        ink.append(svg.text(LEFT - 10, y + 16, lane.name, 12, fill=lane.colour, text_anchor="end"))
        if lane.side:
            ink += _wave(strip, lane, picture, y)
        for item in sorted(placed, key=lambda p: p.row or 0, reverse=True):
            ink += _draw_mark(strip, item, y, y + head)
        y += height
    return [
        *ground,
        *_grid(strip, top, y),
        *_cuts(strip, picture, top + AXIS, y),
        *ink,
    ], y


def _place(strip: Strip, marks: Sequence[Mark]) -> tuple[list[_Placed], int]:
    rows = Rows()
    placed = []
    for mark in sorted(marks, key=lambda m: m.t):
        x = strip.x(mark.t)
        limit = 99 if mark.colour == RED else ROWS
        bar = strip.x(mark.end) - x if mark.shape in _BARS and mark.end is not None else 0.0
        for room in (LABEL, LABEL / 3):
            words, struck, width = _fitted(mark, room)
            # a bar of many colours has its words behind it
            shift = bar if mark.shape == "stages" else 0.0
            width = max(width + shift, bar)
            label_x = x if x + width <= WIDTH - RIGHT else max(LEFT, x - width)
            row = rows.place(label_x, width, limit)
            if row is not None:
                break
        else:
            words = struck = ""
        placed.append(_Placed(mark, x, label_x, row, words, struck, shift))
    return placed, len(rows.taken)


def _fitted(mark: Mark, room: float) -> tuple[str, str, float]:
    """The label, what was not heard after it, and the width of both with their sign."""
    arrow = {"in": "→ ", "out": "← "}.get(mark.shape, "")
    words = svg.shortened(arrow + mark.label, SIZE, room)
    width = svg.text_width(words, SIZE)
    struck = svg.shortened(mark.struck, SIZE, room - width) if mark.struck else ""
    width += svg.text_width(struck, SIZE) + (6 if struck else 0)
    return words, struck, width * (1.08 if mark.bold else 1.0) + 14


def _draw_mark(strip: Strip, item: _Placed, top: float, rows_top: float) -> Iterator[str]:
    mark, x = item.mark, item.x
    about = svg.title(f"{mark.t / 1000:.2f} s: {mark.detail or mark.label}")
    if item.row is None:
        yield svg.element(
            "circle", about, cx=x, cy=rows_top - 3, r=2.0, fill=mark.colour, opacity=0.7
        )
        return
    y = rows_top + item.row * ROW
    sign = _sign(strip, item, top, y)
    turned = item.label_x < x
    words = svg.text(
        x - 6 if turned else item.label_x + item.shift + (9 if mark.shape == "diamond" else 6),
        y + 12,
        item.words,
        SIZE,
        tail=item.struck,
        fill=mark.colour,
        text_anchor="end" if turned else None,
        font_weight="bold" if mark.bold else None,
        # a white edge keeps words readable across the thin lines; bars are tinted already
        **({} if mark.shape == "bar" else HALO),
    )
    yield svg.element("g", about + sign + words)


def _sign(strip: Strip, item: _Placed, top: float, y: float) -> str:
    mark, x, colour = item.mark, item.x, item.mark.colour
    height = ROW - 3
    edge = svg.element("rect", x=x, y=y + 1, width=2, height=height, fill=colour)
    match mark.shape:
        case "diamond":
            return svg.path(_diamond(x, y + 7), fill=colour)
        case "bar":
            width = max(2.0, strip.x(mark.end or mark.t) - x)
            bar = svg.element(
                "rect", x=x, y=y + 1, width=width, height=height, fill=colour, opacity=0.16
            )
            return bar + edge
        case "hatched":
            width = max(2.0, strip.x(mark.end or mark.t) - x)
            return svg.element("rect", x=x, y=y + 1, width=width, height=height, fill=HATCH) + edge
        case "stages":
            return "".join(_stages(strip, mark, y + 1, height))
        case "box":
            return edge
        case _:
            return svg.element(
                "line", x1=x, y1=top, x2=x, y2=y + ROW - 2, stroke=colour, opacity=0.55
            )


def _stages(strip: Strip, mark: Mark, y: float, height: float) -> Iterator[str]:
    for begin, end, colour in mark.parts:
        x = strip.x(begin)
        width = max(0.5, strip.x(end) - x)
        yield svg.element("rect", x=x, y=y, width=width, height=height, fill=colour)


def _diamond(x: float, y: float) -> list[tuple[float, float]]:
    return [(x - 4, y), (x, y - 4), (x + 4, y), (x, y + 4)]


def _wave(strip: Strip, lane: Lane, picture: Picture, top: float) -> Iterator[str]:
    colour = BLUE if lane.side == "left" else TEAL
    middle = top + WAVE / 2
    for begin, end in lane.spans:
        if begin < strip.end and end > strip.start:
            x = strip.x(begin)
            width = max(1.5, strip.x(end) - x)
            yield svg.element(
                "rect", x=x, y=top + 3, width=width, height=WAVE - 6, fill=colour, opacity=0.13
            )
    for begin, end in lane.hushed:
        if begin < strip.end and end > strip.start:
            x, width = strip.x(begin), max(2.0, strip.x(end) - strip.x(begin))
            yield svg.element(
                "rect", x=x, y=top + 3, width=width, height=WAVE - 6, fill=HATCH, stroke=GREY
            )
    yield svg.element(
        "line", x1=LEFT, y1=middle, x2=WIDTH - RIGHT, y2=middle, stroke=colour, opacity=0.25
    )
    for peaks in picture.recordings:
        columns = _columns(strip, peaks, lane.side == "left", picture.time)
        if columns:
            upper = [(x, middle - height) for x, height in columns]
            lower = [(x, middle + height) for x, height in reversed(columns)]
            yield svg.path([*upper, *lower], fill=colour, opacity=0.8)


def _columns(strip: Strip, peaks: Peaks, left: bool, time: Clock) -> list[tuple[float, float]]:
    """One (x, half height) a pixel. Quiet speech is lifted: a telephone is rarely loud."""
    values = peaks.left if left else peaks.right
    begin = peaks.start - time.zero
    loudest: dict[int, float] = {}
    first = max(0, (strip.start - begin) // peaks.bin_ms)
    last = min(len(values), math.ceil((strip.end - begin) / peaks.bin_ms))
    for index in range(first, last):
        pixel = int(strip.x(begin + index * peaks.bin_ms))
        loudest[pixel] = max(loudest.get(pixel, 0.0), values[index])
    return [(float(x), (WAVE / 2 - 4) * value**0.6) for x, value in loudest.items()]


def _grid(strip: Strip, top: float, bottom: float) -> Iterator[str]:
    step = next((s for s in _STEPS if (strip.end - strip.start) / s <= 24), _STEPS[-1])
    for t in range(strip.start, strip.end + 1, step):
        x = strip.x(t)
        yield svg.text(x, top + 14, _clock_face(t, strip), 10, fill=GREY, text_anchor="middle")
        yield svg.element(
            "line", x1=x, y1=top + AXIS - 4, x2=x, y2=bottom, stroke="#d7dde4", stroke_width=1
        )


def _clock_face(t: int, strip: Strip) -> str:
    if strip.start == 0 and strip.last and strip.end <= 60_000:
        return f"{t / 1000:g} s"
    return f"{t // 60_000}:{t % 60_000 // 1000:02d}"


def _cuts(strip: Strip, picture: Picture, top: float, bottom: float) -> Iterator[str]:
    for t, colour in picture.cuts:
        if strip.start <= t < strip.end:
            x = strip.x(t)
            yield svg.element(
                "line", x1=x, y1=top, x2=x, y2=bottom, stroke=colour, stroke_dasharray="2 4"
            )
