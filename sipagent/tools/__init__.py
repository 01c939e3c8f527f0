"""What a model may call: plain functions and verbs, with checked arguments."""

from .functions import tool
from .spec import ToolResult, ToolSpec

__all__ = ["ToolResult", "ToolSpec", "tool"]
