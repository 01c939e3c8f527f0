"""Traces: which distributed trace a call belongs to (W3C Trace Context), and the ids of its spans.

Ids are made of the call's id and of nothing else: whoever sees the call, a worker or the gateway
after a restart, comes to the same ones.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from hashlib import blake2b

TRACEPARENT = "traceparent"
#: the span of the call itself
CALL = "call"
TOOL = "tool"
_HEADER = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
#: of the flags: somebody records this trace
_SAMPLED = 1


@dataclass(frozen=True, slots=True)
class SpanContext:
    """Which span of which trace: ids in hex, of 32 and 16 digits. Unsampled ones are not sent."""

    trace_id: str
    span_id: str
    sampled: bool = True

    def __str__(self) -> str:
        """The header `traceparent` (W3C Trace Context section 3.2)."""
        return f"00-{self.trace_id}-{self.span_id}-{int(self.sampled):02x}"


def read_traceparent(text: str) -> SpanContext | None:
    """What a `traceparent` says; None where it is none, and has to be ignored."""
    found = _HEADER.fullmatch(text.strip())
    if found is None:
        return None
    version, trace_id, span_id, flags, more = found.groups()
    if version == "ff" or (version == "00" and more) or not int(trace_id, 16) * int(span_id, 16):
        return None
    return SpanContext(trace_id, span_id, bool(int(flags, 16) & _SAMPLED))


def trace_id_of(call_id: str) -> str:
    """Of a call that began no trace of somebody else."""
    return _hash(call_id, ("trace",), 16)


def span_id_of(call_id: str, *names: str) -> str:
    """Of a span of a call, by what it is called there: `("tool", "call_7")`."""
    return _hash(call_id, names, 8)


def own_context(call_id: str, parent: SpanContext | None, share: float) -> SpanContext:
    """The span of the call itself. `share` (0..1) of the calls are sampled, always the same ones;
    where a `parent` is, it decides.
    """
    trace_id = trace_id_of(call_id) if parent is None else parent.trace_id
    span_id = span_id_of(call_id, CALL)
    if parent is not None:
        return SpanContext(trace_id, span_id, parent.sampled)
    # as the ratio samplers of OpenTelemetry do it: by the trace id's last eight bytes
    return SpanContext(trace_id, span_id, int(trace_id[16:], 16) < share * 2**64)


#: what requests of this call say: in a worker, of the one call it has
_current: ContextVar[tuple[str, SpanContext] | None] = ContextVar("span", default=None)


def carry(call_id: str, traceparent: str) -> None:
    """From now on requests of this task, and of those it begins, belong to that call's span; with
    an empty one to none.
    """
    context = read_traceparent(traceparent)
    _current.set(None if context is None else (call_id, context))


@contextmanager
def within(*names: str) -> Iterator[None]:
    """Requests belong to the span of that name for a while."""
    known = _current.get()
    if known is None:
        yield
        return
    call_id, context = known
    inner = SpanContext(context.trace_id, span_id_of(call_id, *names), context.sampled)
    token = _current.set((call_id, inner))
    try:
        yield
    finally:
        _current.reset(token)


def trace_headers() -> Mapping[str, str]:
    """The headers that tell a server of which trace a request is; none where there is no trace."""
    known = _current.get()
    return {} if known is None else {TRACEPARENT: str(known[1])}


def _hash(call_id: str, names: tuple[str, ...], size: int) -> str:
    made = blake2b(call_id.encode(), digest_size=size, person=b"sipagent-trace")
    for name in names:
        made.update(b"\0" + name.encode())
    return made.hexdigest()
