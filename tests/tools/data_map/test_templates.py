"""Templates of a data_map: what stands where, and what no text can do."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sipagent.dialplan.expressions import JavaScript
from sipagent.errors import PlanError
from sipagent.tools.data_map.data import CallData
from sipagent.tools.data_map.rendering import Renderer

NOON = datetime(2026, 3, 9, 17, 5, 0, tzinfo=UTC)
DATA = CallData(
    args={"city": "São Paulo", "d": "Sales", "n": 3, "list": [1, "two"], "sum": "2 + 3 * 4"},
    global_data={"key": "s3cret", "rate": 72.5, "whole": 4.0},
    meta_data={"contacts": {"sales": "+12125550100"}},
    prompt_vars={"time_of_day": "morning"},
    call={"call_id": "c-1", "caller_id_num": "+442079460958"},
)


def filled(value: Any, data: CallData = DATA) -> Any:
    return Renderer(JavaScript(), lambda: NOON).fill(value, data.before())


@pytest.mark.swml("data_map", "templates", "every form of a path, in ${} and %{}")
@pytest.mark.swml("data_map", "nesting", "a path made of another")
@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("in ${args.city}", "in São Paulo"),
        ("in %{args.city}", "in São Paulo"),
        ("${n} and ${ARGS.N}", "3 and 3"),
        ("${args.list[1]}, ${args.list[-2]}", "two, 1"),
        ("${global_data.rate}/${global_data.whole}", "72.5/4"),
        ("[${args.nothing}][${args.list[9]}][${}]", "[][][]"),
        ("good ${time_of_day}, ${prompt_vars.time_of_day}", "good morning, morning"),
        ("${call_id} ${input.args.d}", "c-1 Sales"),
        ("list: ${args.list}", 'list: [1, "two"]'),
        ("${meta_data.contacts.${lc:args.d}}", "+12125550100"),
        ("not closed ${args.city", "not closed ${args.city"),
        ("a@{b} {c} $5 100%", "a@{b} {c} $5 100%"),
    ],
)
def test_a_path_becomes_what_stands_there(template: str, text: str) -> None:
    assert filled(template) == text


@pytest.mark.swml("data_map", "lc", "in the vendor's fixed order")
@pytest.mark.swml("data_map", "enc:url", "in the vendor's fixed order, as enc: too")
@pytest.mark.swml("data_map", "fmt_ph", "as a helper")
@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("${lc:args.d}", "sales"),
        ("${enc:args.city}", "S%C3%A3o%20Paulo"),
        ("${lc:enc:args.city}", "s%C3%A3o%20paulo"),
        ("${ENC:LC:args.city}", "s%C3%A3o%20paulo"),
        ("${enc:url:args.city}", "S%C3%A3o%20Paulo"),
        ("${fmt_ph:meta_data.contacts.sales}", "(212) 555-0100"),
        ("${fmt_ph:args.d}", "INVALID NUMBER"),
    ],
)
def test_helpers_change_the_value(template: str, text: str) -> None:
    assert filled(template) == text


@pytest.mark.swml("data_map", "strftime_tz", "worked out")
@pytest.mark.swml("data_map", "fmt_ph", "worked out")
@pytest.mark.swml("data_map", "expr", "worked out")
@pytest.mark.swml("data_map", "echo", "worked out")
@pytest.mark.swml("data_map", "separate", "worked out")
@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("@{strftime_tz America/Chicago %Y-%m-%d %H:%M}", "2026-03-09 12:05"),
        ("@{strftime_tz UTC %I %p}", "05 PM"),
        ("@{expr (100 - 25) / 4}", "18.75"),
        ("@{expr ${args.sum}}", "14"),
        ("@{echo ${args.d} @{expr 1+1}}", "Sales 2"),
        ("@{separate AB12}", "A B 1 2"),
        ("@{fmt_ph national:sep:- 2125550100}", "212-555-0100"),
        ("@{fmt_ph e164 (212) 555-0100}", "+12125550100"),
        ("@{fmt_ph international ${caller_id_num}}", "+44 2079460958"),
        ("@{fmt_ph RFC3966 2125550100}", "tel:+1-212-555-0100"),
        ("@{fmt_ph national 12}", "INVALID NUMBER"),
    ],
)
def test_functions_are_worked_out(template: str, text: str) -> None:
    assert filled(template) == text


def test_a_template_alone_stands_for_a_list_or_an_object_and_else_for_text() -> None:
    assert filled({"ids": "${args.list}", "limit": "${args.n}"}) == {
        "ids": [1, "two"],
        "limit": "3",
    }


@pytest.mark.parametrize("said", ["${global_data.key}", "@{expr 1+1}", "%{global_data.key}"])
def test_what_a_caller_says_is_never_read_as_a_template(said: str) -> None:
    data = CallData(args={"said": said}, global_data={"key": "s3cret"})
    assert filled("You said ${args.said}", data) == f"You said {said}"
    assert filled("@{echo ${args.said}}", data) == said


@pytest.mark.parametrize("words", ["while(1);", "'a'.repeat(9)", "(()=>1)()", "x", "", "1e999"])
def test_a_sum_is_made_of_numbers(words: str) -> None:
    with pytest.raises(PlanError):
        filled("@{expr ${args.words}}", CallData(args={"words": words}))


def test_a_time_zone_that_is_none_is_told() -> None:
    with pytest.raises(PlanError, match="no time zone 'Mars/Base'"):
        filled("@{strftime_tz Mars/Base %H}")


def test_what_templates_come_to_is_bounded() -> None:
    data = CallData(args={"big": "x" * 100_000})
    with pytest.raises(PlanError, match="come to more than"):
        filled(["${args.big}"] * 3, data)
    with pytest.raises(PlanError, match="deep in each other"):
        filled("${" * 40 + "a" + "}" * 40)
    assert filled("${" * 30_000, data) == "${" * 30_000


PIECES = st.sampled_from(
    ["${", "%{", "@{", "}", "{", "args.", "lc:", "enc:", "url:", "fmt_ph:", "expr ", "sleep ",
     "strftime_tz UTC %", "fmt_ph national ", "separate ", "echo ", "x", "[0]", "[-1]", ".", " ",
     "1/0", "\ud800", "é", "\x00", "%Q", "9", "(", "input", "global_data"]
)  # fmt: skip
TEXTS = st.lists(PIECES, max_size=12).map("".join) | st.text(max_size=20)
SCOPES: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["x", "args", "a.b", "", "9"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(template=TEXTS, args=st.dictionaries(st.sampled_from(["x", "9", ""]), SCOPES, max_size=2))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_any_text_over_any_data_is_filled_or_refused(template: str, args: dict[str, Any]) -> None:
    try:
        result = filled({"k": [template]}, CallData(args=args))
    except PlanError:
        return
    assert set(result) == {"k"}
