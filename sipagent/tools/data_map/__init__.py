"""data_map: functions that need no server of their own."""

from .data import CallData
from .engine import GENERIC_ERROR, House, Mapped, run
from .spec import DataMap

__all__ = ["GENERIC_ERROR", "CallData", "DataMap", "House", "Mapped", "run"]
