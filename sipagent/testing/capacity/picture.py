"""Picture: how many conversations a machine holds by configuration, and where each breaks."""

from collections.abc import Iterator, Sequence
from math import isnan, log10

from sipagent.testing.bench.chart import text
from sipagent.worker.weights import Kind

from .report import Report, held, why
from .run import Found
from .steps import Quality, Step, broken

_WIDTH, _MARGIN = 1080, 28
_ROW, _BAR = 44, 20
_LEFT = 150
_HELD_WIDTH, _CPU_LEFT, _CPU_WIDTH = 420, 660, 240
_PANEL_WIDTH, _PANEL_HEIGHT, _GAP = 324, 190, 26
_INK, _SOFT, _GRID = "#1f2933", "#7b8794", "#e4e7eb"
_HELD, _BROKE = "#2f6f9f", "#c0392b"
_KINDS = {Kind.WORKER: "#2f6f9f", Kind.GATEWAY: "#e09f3e", Kind.ZYGOTE: "#9aa5b1"}
#: of late packets, the least that is drawn and the most, percent
_LEAST, _MOST = 0.01, 100.0


def picture(report: Report) -> str:
    """An SVG."""
    top = 96
    bars = top + 34
    panels = bars + _ROW * len(report.found) + 62
    lines = -(-len(report.found) // 3)
    height = panels + lines * (_PANEL_HEIGHT + _GAP + 26) + 20
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" '
        'font-family="DejaVu Sans, Arial, sans-serif" font-size="13">',
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        text(_MARGIN, 38, "Conversations one machine holds", size=22, weight="bold", colour=_INK),
        text(_MARGIN, 60, report.machine, colour=_SOFT),
        text(_MARGIN, 78, _holds(report.quality), size=12, colour=_SOFT),
        *_heads(top + 16),
        *_bars(report, bars),
        text(_MARGIN, panels - 20, "RTP packets more than 40 ms late, %, by conversations",
             size=14, weight="bold", colour=_INK),
    ]  # fmt: skip
    for number, found in enumerate(report.found):
        x = _MARGIN + number % 3 * (_PANEL_WIDTH + _GAP)
        y = panels + number // 3 * (_PANEL_HEIGHT + _GAP + 26)
        parts += _panel(found, report.quality, x, y)
    return "\n".join([*parts, "</svg>"])


def _holds(quality: Quality) -> str:
    return (
        f"held: at most {quality.late_percent:g} % of RTP late, less than "
        f"{quality.lost_percent:g} % lost, own part of a turn p95 ≤ {quality.overhead_ms:g} ms, "
        "no call refused"
    )


def _heads(y: float) -> Iterator[str]:
    yield text(_LEFT, y, "conversations held", size=14, weight="bold", colour=_INK)
    yield text(_CPU_LEFT, y, "CPU for each, % of a core", size=14, weight="bold", colour=_INK)
    x = _CPU_LEFT + 210
    for kind, colour in _KINDS.items():
        yield _box(x, y - 10, 10, 10, colour)
        yield text(x + 14, y, kind.value, size=11, colour=_SOFT)
        x += 64


def _bars(report: Report, top: float) -> Iterator[str]:
    most = max((max(one.held, one.broke_at or 0) for one in report.found), default=0) or 1
    dearest = max((_cpu(one.best) for one in report.found), default=0.0) or 1.0
    for number, found in enumerate(report.found):
        y = top + number * _ROW
        width = _HELD_WIDTH * found.held / most
        yield text(_LEFT - 12, y + 15, found.configuration.name, colour=_INK, anchor="end")
        yield _box(_LEFT, y, _HELD_WIDTH * (found.broke_at or 0) / most, _BAR, "#f3d9d5")
        yield _box(_LEFT, y, max(width, 1), _BAR, _HELD)
        inside = width > 60
        x = _LEFT + width + (-8 if inside else 8)
        colour, anchor = ("#ffffff", "end") if inside else (_INK, "start")
        yield text(x, y + 15, held(found), weight="bold", colour=colour, anchor=anchor)
        per_core = f"{found.held / report.cores:.0f} a core; {why(found)}"
        yield text(_LEFT, y + _BAR + 13, per_core, size=11, colour=_SOFT)
        yield from _shares(found, y, dearest)


def _shares(found: Found, y: float, dearest: float) -> Iterator[str]:
    best = found.best
    if best is None or isnan(best.cost.cpu):
        return
    x = float(_CPU_LEFT)
    shares = {
        Kind.WORKER: best.cost.workers,
        Kind.GATEWAY: best.cost.gateway,
        Kind.ZYGOTE: best.cost.zygote,
    }
    for kind, share in shares.items():
        width = _CPU_WIDTH * share / best.calls / dearest
        yield _box(x, y, width, _BAR, _KINDS[kind])
        x += width
    told = f"{best.cpu_per_call:.2f} %"
    if not isnan(best.cost.worker_mib):
        told += f", {best.cost.worker_mib:.0f} MiB"
    yield text(x + 8, y + 15, told, colour=_INK)


def _panel(found: Found, quality: Quality, x: float, y: float) -> Iterator[str]:
    """Late packets on a logarithmic scale, each step a point; the line is what may be."""
    steps = [step for step in found.steps if step.heard.packets]
    most = max((step.calls for step in steps), default=1)
    bottom = y + _PANEL_HEIGHT
    yield text(x, y + 4, found.configuration.name, weight="bold", colour=_INK)
    for percent in (0.01, 0.1, 1, 10, 100):
        at = _height(percent, y)
        yield _level(x + 34, x + _PANEL_WIDTH, at, _GRID)
        yield text(x + 28, at + 4, f"{percent:g}", size=10, colour=_SOFT, anchor="end")
    limit = _height(quality.late_percent, y)
    yield _level(x + 34, x + _PANEL_WIDTH, limit, _BROKE, dashes="5 4")
    points = [(_across(step.calls, most, x), _height(step.heard.late_percent, y)) for step in steps]
    yield from _curve(sorted(points))
    for step, (across, height) in zip(steps, points, strict=True):
        colour = _BROKE if broken(step, quality) else _HELD
        yield f'<circle cx="{across:.1f}" cy="{height:.1f}" r="4.5" fill="{colour}"/>'
    for calls in sorted({step.calls for step in _apart(steps, most)}):
        across = _across(calls, most, x)
        yield text(across, bottom + 16, str(calls), size=10, colour=_SOFT, anchor="middle")


def _apart(steps: Sequence[Step], most: int) -> Iterator[Step]:
    """Those whose numbers can stand beside each other."""
    last = -most
    for step in sorted(steps, key=lambda step: step.calls):
        if step.calls - last >= most / 11:
            last = step.calls
            yield step


def _across(calls: int, most: int, x: float) -> float:
    return x + 34 + (_PANEL_WIDTH - 44) * calls / most


def _height(percent: float, y: float) -> float:
    bounded = min(_MOST, max(_LEAST, percent))
    share = log10(bounded / _LEAST) / log10(_MOST / _LEAST)
    return y + 20 + (_PANEL_HEIGHT - 20) * (1 - share)


def _curve(points: Sequence[tuple[float, float]]) -> Iterator[str]:
    if len(points) > 1:
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        yield f'<polyline points="{path}" fill="none" stroke="{_SOFT}" stroke-width="1.5"/>'


def _cpu(step: Step | None) -> float:
    return 0.0 if step is None or isnan(step.cpu_per_call) else step.cpu_per_call


def _box(x: float, y: float, width: float, height: float, colour: str) -> str:
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height}" rx="3" '
        f'fill="{colour}"/>'
    )


def _level(x1: float, x2: float, y: float, colour: str, *, dashes: str = "none") -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y:.1f}" x2="{x2:.1f}" y2="{y:.1f}" stroke="{colour}" '
        f'stroke-dasharray="{dashes}"/>'
    )
