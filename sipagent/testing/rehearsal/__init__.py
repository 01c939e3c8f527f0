"""Rehearsals: a plan as a whole call, on a virtual clock and without a network."""

from .minds import Answer, Minds, MindScript, ScriptedMind, Wanted
from .parties import BUSY, NO_ANSWER, Deed, Party
from .rehearsal import CallOver, Rehearsal
from .rehearse import rehearse
from .web import ScriptedWeb

__all__ = [
    "BUSY",
    "NO_ANSWER",
    "Answer",
    "CallOver",
    "Deed",
    "MindScript",
    "Minds",
    "Party",
    "Rehearsal",
    "ScriptedMind",
    "ScriptedWeb",
    "Wanted",
    "rehearse",
]
