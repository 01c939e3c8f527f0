"""Talk with a plan by typing: a rehearsal whose caller is whoever sits at the terminal."""

from .commands import Command, read
from .talk import Answers, Seat, simulate

__all__ = ["Answers", "Command", "Seat", "read", "simulate"]
