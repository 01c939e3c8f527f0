"""Keeping: how long records stay, erasing one caller, and the audit chain."""

from .keeping import Around, Keeping
from .making import keeping_alone, keeping_of

__all__ = ["Around", "Keeping", "keeping_alone", "keeping_of"]
