"""A recorded call run again on the virtual clock, against the same plan or another one."""

from .compare import Comparison, Row, compare
from .run import Replayed, Wish, replay
from .source import NotReplayable, Taken, taken_from

__all__ = [
    "Comparison",
    "NotReplayable",
    "Replayed",
    "Row",
    "Taken",
    "Wish",
    "compare",
    "replay",
    "taken_from",
]
