"""Log lines: structured, one per line, without secrets, and without what people said."""

import logging
import re
import sys
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal, Protocol, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from .events import Base, personal_fields

Level = Literal["debug", "info", "warning", "error"]
_LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
}
#: what the names of all our modules begin with
_HERE = __name__.removesuffix("log")
_REDACTED = "[redacted]"
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SECRET = re.compile(r"(?:^|_)(?:passw(?:or)?d|secret|token|authorization|api_?key)s?(?:_|$)")


class LogSettings(Protocol):
    """`log:` of sipagent.yaml, as far as it matters here."""

    @property
    def format(self) -> Literal["auto", "json", "console"]:
        """`auto`: console on a terminal, JSON otherwise."""
        ...

    @property
    def level(self) -> Level:
        """The least of our own lines to write; libraries speak from warning up."""
        ...

    @property
    def levels(self) -> Mapping[str, Level]:
        """The same by room (`edge`) or part of one (`edge.trunks`), where it is another."""
        ...


def configure(settings: LogSettings, stream: TextIO | None = None, *, node: str = "") -> None:
    """Send our lines and those of libraries to `stream` (default stderr), in one format; `node` is
    on every line, if there is one.

    Fields bound with `structlog.contextvars` (`call_id`) are on every line of that context.
    """
    out = stream or sys.stderr
    console = settings.format == "console" or (settings.format == "auto" and out.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="%H:%M:%S" if console else "iso", utc=not console),
        redact,
    ]
    if node:
        shared.insert(0, _Node(node))
    final = _rendering(console, out)
    sieve = _Sieve(settings, named=not console)
    structlog.configure(
        processors=[sieve, *shared, *final],
        wrapper_class=structlog.make_filtering_bound_logger(sieve.least),
        logger_factory=lambda *names: _RoomLogger(names[0] if names else "", out),
        cache_logger_on_first_use=False,
    )
    _route_libraries(shared, final, out)


class _RoomLogger(structlog.WriteLogger):
    """Knows whose lines it writes."""

    def __init__(self, name: str, file: TextIO) -> None:
        super().__init__(file)
        self.name = name


class _Sieve:
    """Processor: drops what is below the level of the room that says it; `named` tells which."""

    def __init__(self, settings: LogSettings, *, named: bool) -> None:
        self._own = _LEVELS[settings.level]
        self._levels = {_HERE + room: _LEVELS[level] for room, level in settings.levels.items()}
        self._named = named
        #: below this no line is even made
        self.least = min((self._own, *self._levels.values()))
        self._known: dict[str, int] = {}

    def __call__(self, logger: WrappedLogger, method: str, event_dict: EventDict) -> EventDict:
        name = getattr(logger, "name", "")
        level = self._known.get(name)
        if level is None:
            level = self._known[name] = self._of(name)
        if _LEVELS.get(method, logging.ERROR) < level:
            raise structlog.DropEvent
        if self._named and name:
            event_dict["logger"] = name
        return event_dict

    def _of(self, name: str) -> int:
        """The level of the longest part of the name that has one."""
        while name:
            if name in self._levels:
                return self._levels[name]
            name = name.rpartition(".")[0]
        return self._own


class _Node:
    """Processor: which machine of several this is."""

    def __init__(self, node: str) -> None:
        self._node = node

    def __call__(self, logger: WrappedLogger, method: str, event_dict: EventDict) -> EventDict:
        event_dict["node"] = self._node
        return event_dict


def redact(logger: WrappedLogger, method: str, event_dict: EventDict) -> EventDict:
    """Processor: blank the values of keys that name a secret, at any depth."""
    return {key: _redacted(key, value) for key, value in event_dict.items()}


def event_fields(event: Base, personal: bool) -> dict[str, Any]:
    """A call event as log fields; what a person said or pressed only if `personal`."""
    hidden = frozenset[str]() if personal else personal_fields(type(event))
    return event.model_dump(mode="json", exclude=set(hidden), exclude_none=True)


def _rendering(console: bool, out: TextIO) -> list[Processor]:
    # Neither way of showing a traceback prints local variables: they hold what people said.
    if console:
        return [
            structlog.dev.ConsoleRenderer(
                colors=out.isatty(), exception_formatter=structlog.dev.plain_traceback
            )
        ]
    return [
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(ensure_ascii=False),
    ]


def _route_libraries(shared: list[Processor], final: list[Processor], out: TextIO) -> None:
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *final],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)


def _redacted(key: str, value: Any) -> Any:
    if key and value is not None and _names_secret(key, isinstance(value, int | float)):
        return _REDACTED
    if isinstance(value, Mapping):
        return {k: _redacted(str(k), v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_redacted("", item) for item in value]
    return value


@lru_cache(maxsize=2048)
def _names_secret(key: str, figure: bool) -> bool:
    words = _CAMEL.sub("_", key).lower().replace("-", "_")
    if _SECRET.search(words) is None:
        return False
    # `max_tokens` and `first_token` (a latency) are figures and give nothing away.
    return not ("token" in words and figure)
