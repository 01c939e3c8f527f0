"""Graphs: every sample of a run over its time, small and beside each other."""

from collections.abc import Iterator, Sequence
from dataclasses import fields
from math import isnan

from sipagent.testing.bench.chart import text
from sipagent.testing.bench.figures import Report

from .samples import Sample

_WIDE, _HIGH, _GAP, _MARGIN, _ACROSS = 320, 110, 44, 28, 3
_INK, _SOFT, _GRID, _FLAT, _GREW = "#1f2933", "#7b8794", "#e4e7eb", "#2f6f9f", "#c0392b"


def graphs(samples: Sequence[Sample], report: Report) -> str:
    """An SVG; what grew by more than it may is red."""
    names = [one.name for one in fields(Sample) if one.name != "at"]
    missed = {figure.name for figure in report.figures if figure.met is False}
    lines = -(-len(names) // _ACROSS)
    width = 2 * _MARGIN + _ACROSS * (_WIDE + _GAP) - _GAP
    height = 90 + lines * (_HIGH + _GAP)
    minutes = samples[-1].at / 60 if samples else 0.0
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        'font-family="DejaVu Sans, Arial, sans-serif" font-size="13">',
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        text(_MARGIN, 36, f"{minutes:.0f} minutes", size=20, weight="bold", colour=_INK),
        text(_MARGIN, 56, report.machine, colour=_SOFT),
    ]
    for number, name in enumerate(names):
        x = _MARGIN + number % _ACROSS * (_WIDE + _GAP)
        y = 90 + number // _ACROSS * (_HIGH + _GAP)
        values = [float(getattr(sample, name)) for sample in samples]
        colour = _GREW if name in missed else _FLAT
        parts += _graph(name, [s.at for s in samples], values, x, y, colour)
    return "\n".join([*parts, "</svg>"])


def _graph(  # noqa: PLR0917 - a place and what stands there
    name: str, at: Sequence[float], values: Sequence[float], x: float, y: float, colour: str
) -> Iterator[str]:
    known = [(t, value) for t, value in zip(at, values, strict=True) if not isnan(value)]
    yield text(x, y, name.replace("_", " "), size=12, weight="bold", colour=_INK)
    yield (
        f'<rect x="{x}" y="{y + 8}" width="{_WIDE}" height="{_HIGH - 20}" fill="none" '
        f'stroke="{_GRID}"/>'
    )
    if not known:
        return
    most, longest = max(value for _, value in known) or 1.0, max(at) or 1.0
    path = " ".join(
        f"{x + _WIDE * t / longest:.1f},{y + 8 + (_HIGH - 20) * (1 - value / most / 1.1):.1f}"
        for t, value in known
    )
    yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.6"/>'
    last = f"{known[-1][1]:.4g}, at most {most:.4g}"
    yield text(x + _WIDE, y, last, size=11, colour=_SOFT, anchor="end")
