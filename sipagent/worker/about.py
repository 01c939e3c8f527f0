"""About: what this process is about from now on: its log's lines, and the requests it makes."""

from structlog.contextvars import bind_contextvars

from sipagent.call.tracing import carry, read_traceparent

from .protocol import Assignment


def be_about(assignment: Assignment) -> None:
    """For the task that has the call, and those it begins."""
    bind_contextvars(call_id=assignment.call_id)
    context = read_traceparent(assignment.traceparent)
    if context is not None:
        bind_contextvars(trace_id=context.trace_id)
    if assignment.propagate:
        carry(assignment.call_id, assignment.traceparent)
