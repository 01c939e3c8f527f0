"""The trace of a call, made of its events."""

from collections.abc import Sequence

from opentelemetry.semconv._incubating.attributes import gen_ai_attributes, mcp_attributes

from sipagent.app.tracing import names
from sipagent.app.tracing.call_trace import CallTrace
from sipagent.app.tracing.span import Span
from sipagent.call.tracing import own_context, span_id_of
from sipagent.call.waterfall import turns_of
from sipagent.events import (
    CallEnded,
    CallStarted,
    Event,
    Said,
    SipMessage,
    ToolCalled,
    TurnLatency,
)
from tests.app.tracing.talk import CALL_ID, CALLER, STORY, events

CONTEXT = own_context(CALL_ID, None, 1.0)
VENDORS = names.vendors({"intents": "openai"})


def begun(told: Sequence[Event], *, content: bool = False) -> tuple[CallTrace, Sequence[Event]]:
    """A trace, and what is still to happen."""
    place = next(n for n, e in enumerate(told) if isinstance(e, CallStarted))
    began = told[place]
    assert isinstance(began, CallStarted)
    early = [e for e in told[:place] if isinstance(e, SipMessage)]
    return CallTrace(began, CONTEXT, early, VENDORS, content=content), told[place + 1 :]


def traced(*, content: bool = False) -> list[Span]:
    trace, rest = begun(events(), content=content)
    return [span for event in rest for span in trace.happened(event)]


def named(spans: Sequence[Span], beginning: str) -> list[Span]:
    return [span for span in spans if span.name.startswith(beginning)]


def test_every_span_lies_within_its_parent_and_all_have_one_root() -> None:
    spans = traced()
    by_id = {span.span_id: span for span in spans}
    assert len(by_id) == len(spans)
    roots = [span for span in spans if not span.parent_id]
    assert [span.name for span in roots] == ["call desk"]
    assert roots[0].span_id == CONTEXT.span_id
    for span in spans:
        assert span.start <= span.end
        if span.parent_id:
            parent = by_id[span.parent_id]
            assert parent.start <= span.start and span.end <= parent.end, (span, parent)


def test_each_turn_tells_the_waterfall_that_is_on_record() -> None:
    spans = traced()
    waterfall = turns_of(events())
    turns = named(spans, "turn ")
    assert [span.attributes["sipagent.turn"] for span in turns] == [t.turn for t in waterfall]
    assert len(turns) == 2
    for span, turn in zip(turns, waterfall, strict=True):
        stages = [
            s for s in spans if s.parent_id == span.span_id and "sipagent.stage" in s.attributes
        ]
        took = {s.name: (s.end - s.start) // 1_000_000 for s in stages}
        assert took == dict(turn.took)
        assert span.attributes["sipagent.turn.outcome"] == turn.outcome
        assert span.attributes.get("sipagent.turn.response_ms") == turn.response_ms


def test_model_and_tool_are_parts_of_the_turn_that_asked_for_them() -> None:
    spans = traced()
    first, second = named(spans, "turn ")
    chats = named(spans, "chat m-1")
    assert [chat.parent_id for chat in chats] == [first.span_id, first.span_id, second.span_id]
    asked, told, _ = chats
    assert asked.attributes[names.OPERATION] == "chat"
    assert asked.attributes[names.PROVIDER] == "openai"
    assert asked.attributes[names.FINISH_REASONS] == ("tool_calls",)
    assert asked.attributes[names.FIRST_CHUNK] == 0.2
    assert told.attributes[names.INPUT_TOKENS] == 80
    assert told.attributes[names.CACHED_TOKENS] == 40
    assert told.attributes[names.FIRST_CHUNK] == 0.1
    (tool,) = named(spans, "execute_tool look_up")
    assert tool.parent_id == first.span_id
    # as a worker tells it to the servers that the tool asks
    assert tool.span_id == span_id_of(CALL_ID, "tool", "c1")


def test_an_interruption_is_noted_on_the_turn_it_cut_short() -> None:
    first, _ = named(traced(), "turn ")
    told = [note.attributes["sipagent.decision"] for note in first.notes if note.name == "barge_in"]
    assert told[-1] == "stopped"


def test_the_turns_of_a_long_call_are_told_while_it_goes_on() -> None:
    trace, rest = begun(events())
    sent: list[str] = []
    for event in rest:
        sent += [span.name for span in trace.happened(event)]
        if isinstance(event, TurnLatency) and event.turn == 2:
            break
    assert "turn 1" in sent
    assert "execute_tool look_up" in sent
    assert "call desk" not in sent


def test_who_calls_and_what_is_said_is_told_only_where_that_is_asked_for() -> None:
    def words(content: bool) -> str:
        return repr(traced(content=content))

    for secret in (CALLER, "where is my order", "order 7 was sent", STORY[:20]):
        assert secret not in words(False)
        assert secret in words(True)


def test_a_server_that_comes_back_goes_on_with_the_same_spans() -> None:
    whole = traced()
    for cut in range(1, len(events()) - 2, 7):
        before, rest = begun(events())
        sent = [span for event in rest[:cut] for span in before.happened(event)]
        after, again = begun(events())
        for event in again[:cut]:
            after.happened(event)
        sent += [span for event in again[cut:] for span in after.happened(event)]
        assert [(s.span_id, s.parent_id, s.start, s.end) for s in sent] == [
            (s.span_id, s.parent_id, s.start, s.end) for s in whole
        ]


def test_a_call_that_failed_says_by_which_status() -> None:
    trace, _ = begun(events())
    spans = trace.happened(CallEnded(call_id=CALL_ID, t=400, status=503, reason="no room"))
    root = next(span for span in spans if span.name == "call desk")
    assert (root.error, root.detail) == ("503", "no room")
    (setup,) = named(spans, "setup")
    assert setup.error == "503"


def test_names_are_those_of_the_installed_conventions() -> None:
    ours = {v for k, v in vars(names).items() if k.isupper() and isinstance(v, str)}
    conventions = {
        value
        for module in (gen_ai_attributes, mcp_attributes)
        for value in vars(module).values()
        if isinstance(value, str)
    }
    assert {n for n in ours if n.startswith(("gen_ai.", "mcp."))} <= conventions


def test_what_is_said_while_a_tool_works_makes_the_tool_no_longer() -> None:
    trace, rest = begun(events())
    told: list[Span] = []
    for event in rest:
        told += trace.happened(event)
        if isinstance(event, ToolCalled):
            said = Said(call_id=CALL_ID, speaker="agent", text="one moment", start=100, end=200)
            told += trace.happened(said)
    (tool,) = named(told, "execute_tool look_up")
    assert tool.end - tool.start == 0  # on virtual time it answers at once
    assert tool.parent_id == named(told, "turn 1")[0].span_id
