"""data_map as a whole: what is tried in what order, and what its results say."""

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from sipagent.call.web import WebFailed, WebReply, WebRequest
from sipagent.dialplan.expressions import JavaScript
from sipagent.errors import PlanError
from sipagent.testing.virtual import run_virtual
from sipagent.tools.data_map import GENERIC_ERROR, CallData, DataMap, House, Mapped, run


class Answers:
    """A web of pages, by URL: JSON, or a status with JSON, or an error."""

    def __init__(self, pages: Mapping[str, Any]) -> None:
        self._pages = pages
        self.requests: list[WebRequest] = []

    async def ask(self, request: WebRequest) -> WebReply:
        self.requests.append(request)
        page = self._pages.get(request.url, WebFailed("nobody is there"))
        if isinstance(page, WebFailed):
            raise page
        status, data = page if isinstance(page, tuple) else (200, page)
        body = data if isinstance(data, bytes) else json.dumps(data).encode()
        return WebReply(status, request.url, body=body)


def outcome(raw: Any, args: Mapping[str, Any], web: Answers | None = None) -> Mapped:
    house = House(web or Answers({}), JavaScript(), lambda: datetime(2026, 3, 9, tzinfo=UTC))
    data = CallData(args=args, global_data={"token": "t0k"}, call={"call_id": "c-1"})
    return run_virtual(run(DataMap.read(raw), data, house))


def response(raw: Any, args: Mapping[str, Any], web: Answers | None = None) -> Any:
    return outcome(raw, args, web).result["response"]


def hook(url: str = "http://a.example/x", **more: Any) -> dict[str, Any]:
    return {"url": url, "method": "GET", "output": {"response": "got ${v}"}, **more}


DEPARTMENTS = {
    "expressions": [
        {"string": "${args.to}", "pattern": "sales|orders", "output": {"response": "one"}},
        {"string": "${args.to}", "pattern": "/^Help$/", "output": {"response": "two ${args.to}"}},
        {"string": "${args.to}", "pattern": r"(?i)^\+?\d+$", "output": {"response": "three"}},
        {"string": "${args.to}", "pattern": "vip", "output": {"response": "four"},
         "nomatch-output": {"response": "nobody is called ${args.to}"}},
    ]
}  # fmt: skip


@pytest.mark.swml("data_map", "expressions", "patterns in order, flags")
@pytest.mark.swml("data_map", "nomatch-output", "where the pattern is not found")
@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("to SALES please", "one"),
        ("Help", "two Help"),
        ("help", "nobody is called help"),
        ("+4420", "three"),
        ("a vip", "four"),
    ],
)
def test_the_first_expression_that_yields_something_answers(said: str, answer: str) -> None:
    assert response(DEPARTMENTS, {"to": said}) == answer


def test_a_pattern_that_takes_for_ever_is_given_up_and_the_next_one_tried() -> None:
    raw = {
        "expressions": [
            {"string": "${args.x}", "pattern": "(a|aa)+$", "output": {"response": "never"}},
            {"string": "${args.x}", "pattern": "[", "output": {"response": "never"}},
            {"string": "x", "pattern": "((x{999}){999}){999}", "output": {"response": "never"}},
            {"string": "${args.x}", "pattern": "^a", "output": {"response": "an a"}},
        ]
    }
    mapped = outcome(raw, {"x": "a" * 4000 + "b"})
    assert mapped.result == {"response": "an a"}
    assert [note.split("'")[-1].split(":")[0] for note in mapped.trouble] == [
        " takes too long",
        " is no regular expression",
        " repeats too much",
    ]


@pytest.mark.parametrize(
    "pattern", [r"\d{3}-\d{4}", r"(?:\w{1,40} ){3}\w", r"\{9999}{2}|[{9999}]x", "{"]
)
def test_usual_repeats_are_no_trouble(pattern: str) -> None:
    raw = {"expressions": {"string": "a", "pattern": pattern, "nomatch-output": "no"}}
    assert outcome(raw, {}) == Mapped({"response": "no"})


@pytest.mark.swml("data_map", "webhooks", "the reply's keys at the root, as response, and arrays")
@pytest.mark.parametrize(
    ("reply", "template", "answer"),
    [
        ({"v": {"w": 1}}, "${v.w} ${response.v.w}", "1 1"),
        ([{"joke": "ha"}], "${array[0].joke} %{array[0].joke}", "ha ha"),
        ({"v": 1}, "${input.args.q} ${args.q} ${q}", "cat cat cat"),
        ({"args": {"q": "dog"}}, "${args.q} ${input.args.q}", "dog cat"),
        ({}, "${global_data.token} ${input.call_id} ${call_id}", "t0k c-1 c-1"),
    ],
)
def test_an_output_reads_the_reply(reply: Any, template: str, answer: str) -> None:
    web = Answers({"http://a.example/x": reply})
    raw = {"webhooks": [hook(output={"response": template})]}
    assert response(raw, {"q": "cat"}, web) == answer


@pytest.mark.swml("data_map", "error_keys", "and every other way in which a webhook fails")
@pytest.mark.parametrize(
    ("page", "more"),
    [
        ((500, {"v": 1}), {}),
        ((404, b"not found"), {}),
        (b"<html>", {}),
        (b"", {}),
        (b"[" * 100_000, {}),
        (WebFailed("too slow"), {}),
        ({"v": 1, "error": None}, {"error_keys": "error"}),
        ({"v": 1, "Error": "no"}, {"error_keys": ["x", "error"]}),
    ],
)
def test_after_a_webhook_that_failed_the_next_is_asked(page: Any, more: dict[str, Any]) -> None:
    web = Answers({"http://a.example/x": page, "http://b.example/": {"v": 2}})
    raw = {"webhooks": [hook(**more), hook("http://b.example/")]}
    mapped = outcome(raw, {}, web)
    assert (mapped.result, mapped.asked) == ({"response": "got 2"}, 2)
    assert len(mapped.trouble) == 1


@pytest.mark.swml("data_map", "output", "of the data_map itself, when nothing else yields one")
def test_the_output_of_last_resort_and_the_generic_error() -> None:
    raw = {"webhooks": hook(), "error_keys": ["v"], "output": {"response": "no ${args.q}"}}
    web = Answers({"http://a.example/x": {"v": 1}})
    assert response(raw, {"q": "cat"}, web) == "no cat"
    assert response({"webhooks": [hook()]}, {}) == GENERIC_ERROR
    assert response({}, {}) == GENERIC_ERROR
    assert response({"output": {"response": "@{strftime_tz Mars %H}"}}, {}) == GENERIC_ERROR


def test_a_webhook_that_looks_at_the_code_tells_what_it_means() -> None:
    gone = [{"string": "${http_code}", "pattern": "404", "output": {"response": "unknown"}}]
    raw = {"webhooks": [hook(expressions=gone)]}
    assert response(raw, {}, Answers({"http://a.example/x": (404, {})})) == "unknown"
    assert response(raw, {}, Answers({"http://a.example/x": {"v": 7}})) == "got 7"


@pytest.mark.swml("data_map", "require_args", "any one of them, in both spellings")
@pytest.mark.parametrize("key", ["require_args", "required_args"])
def test_a_webhook_is_asked_when_one_of_its_arguments_is_there(key: str) -> None:
    web = Answers({"http://a.example/x": {"v": "zip"}, "http://b.example/": {"v": "city"}})
    first, second = hook() | {key: ["zip", "code"]}, hook("http://b.example/") | {key: "city"}
    hooks = [first, second]
    assert response({"webhooks": hooks}, {"zip": "1", "city": "x"}, web) == "got zip"
    assert response({"webhooks": hooks}, {"zip": "", "city": "x"}, web) == "got city"
    assert response({"webhooks": hooks, "output": "which?"}, {}, web) == "which?"


@pytest.mark.swml("data_map", "foreach", "this, this.value, max, a nested input_key")
def test_a_list_is_put_together() -> None:
    reply = {"data": {"rows": [{"t": "one"}, {"t": "two"}, {"t": "three"}]}, "tags": ["a", "b"]}
    web = Answers({"http://a.example/x": reply})
    rows = {"input_key": "data.rows", "output_key": "all", "append": "${this.t}/${q};", "max": 2}
    output = {"response": "Found ${all}"}
    raw = {"webhooks": [hook(foreach=rows, output=output)]}
    assert response(raw, {"q": "x"}, web) == "Found one/x;two/x;"
    tags = {"input_key": "tags", "output_key": "all", "append": "${this}${this.value} "}
    assert response({"webhooks": [hook(foreach=tags, output=output)]}, {}, web) == "Found aa bb "
    none = {**tags, "input_key": "data"}
    assert response({"webhooks": [hook(foreach=none, output=output)]}, {}, web) == "Found "


def test_a_long_list_is_cut_and_told() -> None:
    web = Answers({"http://a.example/x": {"rows": ["x" * 1000] * 500}})
    rows = {"input_key": "rows", "output_key": "all", "append": "${this}"}
    mapped = outcome({"webhooks": [hook(foreach=rows, output={"response": "${all}"})]}, {}, web)
    assert len(mapped.result["response"]) == 65_536
    assert mapped.trouble == ("all was cut at 65536 characters",)


@pytest.mark.swml("data_map", "expressions", "of a webhook go before its output")
def test_expressions_of_a_webhook_read_its_reply() -> None:
    web = Answers({"http://a.example/x": {"v": "shipped"}})
    match = [{"string": "${v}", "pattern": "ship", "output": {"response": "on its way, ${q}"}}]
    assert response({"webhooks": [hook(expressions=match)]}, {"q": "Ann"}, web) == (
        "on its way, Ann"
    )


@pytest.mark.swml("data_map", "params", "requests made of templates")
@pytest.mark.swml("data_map", "body", "requests made of templates")
@pytest.mark.swml("data_map", "form_param", "requests made of templates")
@pytest.mark.swml("data_map", "input_args_as_params", "requests made of templates")
@pytest.mark.parametrize(
    ("more", "method", "data", "body"),
    [
        ({}, "GET", None, None),
        ({"params": {"a": "${q}"}}, "POST", {"a": "cat"}, None),
        ({"body": {"a": ["${q}"]}, "method": "put"}, "PUT", {"a": ["cat"]}, None),
        ({"input_args_as_params": True, "method": "POST"}, "POST", {"q": "cat"}, None),
        ({"input_args_as_params": True, "params": {"q": 1, "z": 2}}, "POST",
         {"q": "cat", "z": 2}, None),
        ({"form_param": "p", "params": {"a": "${q}"}}, "POST", None,
         b"p=%7B%22a%22%3A%20%22cat%22%7D"),
    ],
)  # fmt: skip
def test_a_request_is_made_of_templates(
    more: dict[str, Any], method: str, data: Any, body: bytes | None
) -> None:
    web = Answers({"http://a.example/x": {"v": 1}})
    raw = {"webhooks": [hook(headers={"X-Key": "${global_data.token}"}, **more)]}
    assert response(raw, {"q": "cat"}, web) == "got 1"
    (request,) = web.requests
    assert (request.method, request.data, request.body) == (method, data, body)
    assert request.headers["X-Key"] == "t0k"


@pytest.mark.parametrize(
    ("value", "url"),
    [
        ("a b/é", "http://u:p@a.example/v1/a%20b/%C3%A9"),
        ("x\r\nHost: b", "http://u:p@a.example/v1/x%0D%0AHost:%20b"),
    ],
)
def test_a_value_in_a_url_stays_a_value(value: str, url: str) -> None:
    web = Answers({url: {"v": 1}})
    assert response({"webhooks": hook("http://u:p@a.example/v1/${q}")}, {"q": value}, web) == (
        "got 1"
    )


@pytest.mark.parametrize("value", ["@b.example/", ".b.example/", ":99/"])
def test_a_value_cannot_change_the_host(value: str) -> None:
    web = Answers({})
    mapped = outcome({"webhooks": [hook("http://a.example${q}")]}, {"q": value}, web)
    assert web.requests == []
    assert mapped.asked == 0
    assert mapped.result == {"response": GENERIC_ERROR}


@pytest.mark.swml("data_map", "output", "templates inside actions and their documents")
def test_templates_are_filled_inside_actions() -> None:
    document = {"sections": {"main": [{"connect": {"to": "sip:${args.to}@pbx.example"}}]}}
    raw = {
        "expressions": [
            {
                "string": "${args.to}",
                "pattern": ".",
                "output": {
                    "response": "Calling ${args.to}",
                    "action": [
                        {"set_global_data": {"to": "${args.to}", "${args.to}": 1}},
                        {"SWML": document, "transfer": "true"},
                    ],
                },
            }
        ]
    }
    result = outcome(raw, {"to": "bob"}).result
    assert result["response"] == "Calling bob"
    assert result["action"][0] == {"set_global_data": {"to": "bob", "bob": 1}}
    assert result["action"][1]["SWML"]["sections"]["main"] == [
        {"connect": {"to": "sip:bob@pbx.example"}}
    ]


@pytest.mark.swml("data_map", "sleep", "pauses, within bounds")
def test_a_sleep_is_slept_and_bounded() -> None:
    async def timed() -> tuple[float, Mapped]:
        loop = asyncio.get_running_loop()
        start = loop.time()
        raw = {"output": {"response": "x"}, "expressions": [
            {"string": "x", "pattern": "x", "output": {"response": "@{sleep 2}@{sleep 900}ok"}}
        ]}  # fmt: skip
        house = House(Answers({}), JavaScript(), lambda: datetime.now(UTC))
        mapped = await run(DataMap.read(raw), CallData(), house)
        return loop.time() - start, mapped

    took, mapped = run_virtual(timed())
    assert mapped.result == {"response": "ok"}
    assert took == pytest.approx(7, abs=0.5)


@pytest.mark.parametrize(
    ("raw", "wrong"),
    [
        ("x", "data_map: Input should be"),
        ({"webhooks": [{"url": "http://a", "method": "HEAD"}]}, "data_map: webhooks.0.method"),
        ({"webhooks": [hook()] * 21}, "data_map: webhooks"),
    ],
)
def test_a_data_map_that_is_none_is_told_with_its_place(raw: Any, wrong: str) -> None:
    with pytest.raises(PlanError) as caught:
        DataMap.read(raw)
    assert str(caught.value).startswith(wrong)
