"""Marks and lanes of a timeline, before they are drawn."""

from dataclasses import dataclass, field
from typing import Literal

GREY, BLUE, TEAL, AMBER, GREEN, RED, VIOLET = (
    "#5f6b7a",
    "#1f5fbf",
    "#0b7a75",
    "#b26a00",
    "#2a7d32",
    "#c62828",
    "#6a3fb5",
)
Shape = Literal["tick", "bar", "box", "diamond", "in", "out", "stages", "hatched"]


@dataclass(frozen=True, slots=True)
class Mark:
    """One thing at `t` ms (from the picture's zero), until `end` where it lasts.

    `detail` is what a viewer shows on hovering; `struck` is text shown as not heard.
    """

    t: int
    label: str
    colour: str = GREY
    shape: Shape = "tick"
    end: int | None = None
    detail: str = ""
    struck: str = ""
    bold: bool = False
    #: stretches of a bar with colours of their own: begin and end, ms
    parts: tuple[tuple[int, int, str], ...] = ()


@dataclass(slots=True)
class Lane:
    """A row of the picture. `side` is the recording's side drawn in it, `spans` are speech,
    `hushed` where silence stands for it.
    """

    name: str
    colour: str = GREY
    marks: list[Mark] = field(default_factory=list)
    side: Literal["left", "right"] | None = None
    spans: list[tuple[int, int]] = field(default_factory=list)
    hushed: list[tuple[int, int]] = field(default_factory=list)
