"""Log lines: structured, one per line, without secrets, and without what people said."""

import logging
import re
import sys
from collections.abc import Mapping
from typing import Any, Literal, Protocol, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from .events import Base, personal_fields

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
    def level(self) -> Literal["debug", "info", "warning", "error"]:
        """The least of our own lines to write; libraries speak from warning up."""
        ...


def configure(settings: LogSettings, stream: TextIO | None = None) -> None:
    """Send our lines and those of libraries to `stream` (default stderr), in one format.

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
    final = _rendering(console, out)
    structlog.configure(
        processors=[*shared, *final],
        wrapper_class=structlog.make_filtering_bound_logger(settings.level),
        logger_factory=structlog.WriteLoggerFactory(file=out),
        cache_logger_on_first_use=False,
    )
    _route_libraries(shared, final, out)


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
    if _names_secret(key, value):
        return _REDACTED
    if isinstance(value, Mapping):
        return {k: _redacted(str(k), v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_redacted("", item) for item in value]
    return value


def _names_secret(key: str, value: Any) -> bool:
    words = _CAMEL.sub("_", key).lower().replace("-", "_")
    if value is None or _SECRET.search(words) is None:
        return False
    # `max_tokens` and `first_token` (a latency) are figures and give nothing away.
    return not ("token" in words and isinstance(value, int | float))
