"""Which trace a call belongs to, and who is told of it."""

import pytest

from sipagent.app.tracing.context import context_of, in_force
from sipagent.call.tracing import (
    carry,
    own_context,
    read_traceparent,
    span_id_of,
    trace_headers,
    within,
)
from sipagent.call.web import WebRequest
from sipagent.config import Settings
from sipagent.config.tracing import Tracing
from sipagent.providers.web.hop import first

GIVEN = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.mark.parametrize(
    "text",
    ["", "nonsense", GIVEN.upper(), GIVEN[:-1], f"{GIVEN}-more", f"ff{GIVEN[2:]}",
     f"00-{'0' * 32}-b7ad6b7169203331-01", f"00-0af7651916cd43dd8448eb211c80319c-{'0' * 16}-01"],
)  # fmt: skip
def test_what_is_no_traceparent_is_ignored(text: str) -> None:
    assert read_traceparent(text) is None


def test_a_traceparent_of_a_later_version_is_read_as_far_as_we_know_it() -> None:
    context = read_traceparent(f"01{GIVEN[2:]}-more")
    assert context is not None
    assert (context.span_id, context.sampled) == ("b7ad6b7169203331", True)


def test_only_a_trunk_that_is_named_may_say_of_which_trace_its_call_is() -> None:
    tracing = Tracing(parents=("carrier",))
    for account, header in (
        (None, "traceparent"), ("other", "traceparent"), ("carrier", "X-Something"),
    ):  # fmt: skip
        keys = context_of(tracing, "c1", account, {header: GIVEN})
        assert keys["traced_by"] == ""
        assert GIVEN[3:35] not in keys["traceparent"]
    for header in ("traceparent", "Traceparent", "X-Traceparent"):
        keys = context_of(tracing, "c1", "carrier", {header: GIVEN})
        own = read_traceparent(keys["traceparent"])
        assert own is not None
        assert (own.trace_id, keys["traced_by"]) == (GIVEN[3:35], "b7ad6b7169203331")
        assert own.span_id == span_id_of("c1", "call")


def test_a_parent_that_is_not_recorded_is_not_recorded_here() -> None:
    keys = context_of(Tracing(parents=("t",)), "c1", "t", {"traceparent": f"{GIVEN[:-2]}00"})
    own = read_traceparent(keys["traceparent"])
    assert own is not None and not own.sampled


def test_the_share_of_calls_that_is_asked_for_is_traced_always_the_same_ones() -> None:
    calls = [f"20260101-{number:06}" for number in range(2000)]
    some = {c for c in calls if own_context(c, None, 0.25).sampled}
    assert 400 < len(some) < 600
    assert some == {c for c in calls if own_context(c, None, 0.25).sampled}
    assert some < {c for c in calls if own_context(c, None, 0.5).sampled}
    assert all(own_context(c, None, 1.0).sampled for c in calls)
    assert not any(own_context(c, None, 0.0).sampled for c in calls)


def test_requests_name_the_span_they_are_made_in() -> None:
    own = own_context("c1", None, 1.0)
    assert trace_headers() == {}
    carry("c1", str(own))
    try:
        assert first(WebRequest("https://a.example/")).headers["traceparent"] == str(own)
        with within("tool", "t1"):
            told = read_traceparent(trace_headers()["traceparent"])
            assert told is not None
            assert (told.trace_id, told.span_id) == (own.trace_id, span_id_of("c1", "tool", "t1"))
        assert trace_headers() == {"traceparent": str(own)}
        # who wrote the plan knows better
        asked = WebRequest("https://a.example/", headers={"Traceparent": GIVEN})
        assert first(asked).headers["traceparent"] == GIVEN
        # another server than the plan named hears nothing
        hop = first(asked).after(302, "https://b.example/")
        assert hop is not None and "traceparent" not in hop.headers
    finally:
        carry("c1", "")
    assert trace_headers() == {}


def test_calls_are_traced_where_settings_or_standard_variables_say_so() -> None:
    variable = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}
    silent, said = Settings(), Settings(tracing=Tracing(sample=0.5))
    assert in_force(silent, {}) is None
    assert in_force(silent, variable) == Tracing()
    assert in_force(said, {}) == said.tracing
    assert in_force(said, {"OTEL_SDK_DISABLED": "true"}) is None
    assert in_force(said, variable | {"OTEL_TRACES_EXPORTER": "none"}) is None
