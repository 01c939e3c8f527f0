"""The tracer among the ledger's listeners: which calls, from when on, and after a restart."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from sipagent.app.tracing.tracer import Tracer
from sipagent.call.tracing import own_context
from sipagent.config import Settings
from sipagent.config.tracing import Tracing
from sipagent.events import CallStarted, Event, SipMessage
from tests.app.tracing.talk import CALL_ID, events

SETTINGS = Settings(tracing=Tracing())


@dataclass
class Record:
    """What the ledger has of the call."""

    events: list[Event] = field(default_factory=list)
    over: bool = False


class Kept(SpanExporter):
    """Where spans go."""

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.spans += spans
        return SpanExportResult.SUCCESS

    @property
    def names(self) -> list[str]:
        return [span.name for span in self.spans]

    @property
    def ids(self) -> list[int]:
        return [span.context.span_id for span in self.spans if span.context]


@pytest.fixture
def call() -> list[Event]:
    """As its worker tells it, with a trace. Made here since it runs on a loop of its own."""
    return in_trace(1.0)


def in_trace(share: float) -> list[Event]:
    context = str(own_context(CALL_ID, None, share))
    return [
        e.model_copy(update={"traceparent": context}) if isinstance(e, CallStarted) else e
        for e in events()
    ]


async def told(happened: Sequence[Event], *, before: Sequence[Event] = ()) -> Kept:
    """What comes of events, the first of which another server has seen."""
    kept, record = Kept(), Record(list(before))
    tracer = Tracer(SETTINGS, lambda call_id: record, to=kept)
    tracer.start()
    for event in happened:
        record.events.append(event)
        tracer.happened(event)
    # the BYE's answer passes when the call is over
    record.over = True
    late = next(e for e in happened if isinstance(e, SipMessage)) if not before else None
    if late is not None:
        tracer.happened(late)
    await tracer.close()
    return kept


async def test_a_call_is_told_from_its_invite_on(call: list[Event]) -> None:
    kept = await told(call)
    assert kept.names.count("call desk") == 1
    (setup,) = (span for span in kept.spans if span.name == "setup")
    assert [event.name for event in setup.events] == ["sip.message"]
    assert len({span.context.trace_id for span in kept.spans if span.context}) == 1


async def test_a_call_outside_the_share_is_not_told(call: list[Event]) -> None:
    assert (await told(in_trace(0.0))).names == []
    assert (await told(events())).names == []  # by a server that traced nothing


async def test_the_server_after_a_restart_tells_the_rest_and_nothing_twice(
    call: list[Event],
) -> None:
    whole = await told(call)
    for cut in (3, len(call) // 2, len(call) - 2):
        first, then = await told(call[:cut]), await told(call[cut:], before=call[:cut])
        ids = first.ids + then.ids
        assert len(ids) == len(set(ids))
        assert set(ids) == set(whole.ids)


async def test_a_call_that_never_began_leaves_nothing(call: list[Event]) -> None:
    early = [e for e in call if isinstance(e, SipMessage)]
    assert (await told(early)).names == []
