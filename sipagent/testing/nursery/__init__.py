"""Processes that have imported everything already: forked from one that did so once."""

from .client import WORKER, stage

__all__ = ["WORKER", "stage"]
