"""The commands, one file each; `main` is the `sipagent` program."""

from .program import main

__all__ = ["main"]
