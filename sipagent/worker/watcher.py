"""Watcher: who hears what becomes of workers."""

from collections.abc import Callable
from dataclasses import dataclass

from sipagent.events import Event

from .handle import WorkerHandle
from .protocol import Request


@dataclass(frozen=True, slots=True)
class Watcher:
    """Who is told what; called on the loop, must return at once.

    `ready` and `gone` come in pairs, once each per worker, with every `event` between them.
    """

    ready: Callable[[WorkerHandle], None]
    event: Callable[[WorkerHandle, Event], None]
    gone: Callable[[WorkerHandle, str], None]
    request: Callable[[WorkerHandle, Request], None]
