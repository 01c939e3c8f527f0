"""The figures as one picture: each value beside its goal."""

from html import escape
from math import isnan

from .figures import Figure, Report

_ROW, _LEFT, _BAR, _TOP = 26, 260, 400, 70
_MET, _MISSED = "#2e7d32", "#c62828"


def chart(report: Report, title: str = "sipagent bench") -> str:
    """An SVG: a bar for each figure that has a goal, which is the line; green holds it, red does
    not. Figures without one are only told.
    """
    rows = []
    y = _TOP
    group = ""
    for figure in report.figures:
        if figure.group != group:
            group = figure.group
            y += 12
            rows.append(text(20, y + 16, group, weight="bold"))
            y += _ROW
        rows.append(_row(figure, y))
        y += _ROW
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="1000" height="{y + 30}" '
            'font-family="DejaVu Sans, Arial, sans-serif" font-size="13">',
            '<rect width="100%" height="100%" fill="#ffffff"/>',
            text(20, 30, title, size=18, weight="bold"),
            text(20, 50, report.machine, colour="#666666"),
            *rows,
            "</svg>",
        ]
    )


def _row(figure: Figure, y: int) -> str:
    goal = f" (goal {figure.wanted})" if figure.goal is not None else ""
    parts = [
        text(36, y + 16, figure.name),
        text(_LEFT + _BAR + 14, y + 16, figure.measured + goal),
    ]
    if figure.goal is not None:
        colour = _MET if figure.met else _MISSED
        value = 0.0 if isnan(figure.value) else figure.value
        largest = max(value, figure.goal * 1.2, 1e-9)
        width, x = max(2.0, _BAR * value / largest), _LEFT + _BAR * figure.goal / largest
        parts += [
            f'<rect x="{_LEFT}" y="{y + 4}" width="{width:.1f}" height="15" rx="2" '
            f'fill="{colour}"/>',
            f'<line x1="{x:.1f}" y1="{y + 1}" x2="{x:.1f}" y2="{y + 22}" stroke="#111" '
            'stroke-width="2"/>',
        ]
    return "".join(parts)


def text(
    x: float,
    y: float,
    words: str,
    *,
    size: int = 13,
    weight: str = "normal",
    colour: str = "#222222",
    anchor: str = "start",
) -> str:
    """Words as an SVG element; `anchor` says which of their ends is at `x`."""
    return (
        f'<text x="{x:g}" y="{y:g}" font-size="{size}" font-weight="{weight}" fill="{colour}" '
        f'text-anchor="{anchor}">{escape(words)}</text>'
    )
