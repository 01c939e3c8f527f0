"""A picture of times: one row a kind, a dot for each event, the goal as a line. Pure."""

from collections.abc import Iterator, Sequence

from sipagent.store import svg
from sipagent.testing.bench.figures import percentile

from .metrics import Goals, Row

_WIDTH, _LEFT, _RIGHT, _TOP, _HEIGHT = 1000.0, 250.0, 110.0, 70.0, 44.0
_GREY, _DOT, _MARK, _GOAL = "#6b7680", "#2b6cb0", "#111111", "#c62828"
_TICKS = 6


def dots(kinds: Sequence[Row], goals: Goals) -> str:
    """Answers after the caller's voice, and silence after an interruption's onset, as an SVG."""
    drawn = [(row, times, name) for row in kinds for times, name in [_times(row)] if times]
    longest = max((max(times) for _, times, _ in drawn), default=1.0)
    scale = (_WIDTH - _LEFT - _RIGHT) / longest
    bottom = _TOP + _HEIGHT * len(drawn)
    parts = [
        svg.text(16, 30, "How soon the agent answers, and falls silent", 18, font_weight="bold"),
        svg.text(16, 50, "ms; a dot is one event, the bar p50 to p95", 12, fill=_GREY),
        *_axis(longest, scale, bottom),
    ]
    for number, (row, times, name) in enumerate(drawn):
        goal = goals.silent_ms + goals.wider_ms if row.expects == "yielded" else None
        parts += _row(_TOP + _HEIGHT * number, (row.kind, name), times, scale, goal)
    return svg.document(_WIDTH, bottom + 40, parts)


def _times(row: Row) -> tuple[list[float], str]:
    if row.expects == "yielded":
        return [t.silent_ms for t in row.trials if t.met and t.silent_ms is not None], "to silence"
    if row.expects == "resumed":
        return [], ""
    return [t.answer_ms for t in row.trials if t.met and t.answer_ms is not None], "to the answer"


def _axis(longest: float, scale: float, bottom: float) -> Iterator[str]:
    step = max(100, round(longest / _TICKS / 100) * 100)
    for at in range(0, int(longest) + 1, step):
        x = _LEFT + at * scale
        yield svg.element("line", x1=x, y1=_TOP - 6, x2=x, y2=bottom, stroke="#e3e7ea")
        yield svg.text(x, bottom + 18, str(at), 11, fill=_GREY, text_anchor="middle")


def _row(
    y: float, names: tuple[str, str], times: Sequence[float], scale: float, goal: float | None
) -> Iterator[str]:
    middle = y + _HEIGHT / 2
    kind, what = names
    yield svg.text(16, middle - 2, svg.shortened(kind, 12, _LEFT - 24), 12)
    yield svg.text(16, middle + 13, what, 11, fill=_GREY)
    for number, time in enumerate(times):
        # spread over the row, so that equal times are seen to be many
        x, spread = _LEFT + time * scale, (number * 0.618034) % 1.0 - 0.5
        yield svg.element(
            "circle", cx=x, cy=middle + spread * 22, r=2.2, fill=_DOT, fill_opacity="0.45"
        )
    low, high = percentile(times, 50), percentile(times, 95)
    yield svg.element(
        "rect",
        x=_LEFT + low * scale,
        y=middle - 2,
        width=max(2.0, (high - low) * scale),
        height=4,
        fill=_MARK,
    )
    if goal is not None:
        x = _LEFT + goal * scale
        yield svg.element("line", x1=x, y1=y + 4, x2=x, y2=y + _HEIGHT - 4, stroke=_GOAL)
    yield svg.text(_WIDTH - _RIGHT + 10, middle + 4, f"{low:.0f} / {high:.0f} ms", 12)
