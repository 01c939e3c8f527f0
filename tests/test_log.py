"""Log lines: one a line, in one format, without secrets and without what people said."""

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from typing import Any, Literal

import pytest
import structlog

from sipagent.config import Log
from sipagent.events import CallEnded, DigitReceived, Said, ToolCalled, TurnLatency
from sipagent.log import configure, event_fields, redact
from sipagent.testing.leaks import tells


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


@dataclass
class Output:
    stream: StringIO

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers = handlers
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def configured(
    stream: StringIO | None = None,
    *,
    shape: Literal["auto", "json", "console"] = "auto",
    level: Literal["debug", "info", "warning", "error"] = "info",
) -> Output:
    out = Output(stream or StringIO())
    configure(Log(format=shape, level=level), out.stream)
    return out


def test_a_line_is_json_with_level_and_utc_time() -> None:
    out = configured()
    structlog.get_logger().info("call_started", caller="sip:a@example.com")
    (line,) = out.lines()
    assert line["event"] == "call_started"
    assert line["level"] == "info"
    assert line["caller"] == "sip:a@example.com"
    assert line["timestamp"].endswith("Z")


def test_a_terminal_gets_lines_for_people() -> None:
    out = configured(Terminal())
    structlog.get_logger().info("call_started", plan="main")
    assert "call_started" in out.text
    with pytest.raises(json.JSONDecodeError):
        out.lines()


def test_the_format_can_be_fixed() -> None:
    as_json = configured(Terminal(), shape="json")
    structlog.get_logger().info("ready")
    assert as_json.lines()[0]["event"] == "ready"
    as_console = configured(shape="console")
    structlog.get_logger().info("ready")
    assert not as_console.text.startswith("{")


def test_every_line_of_a_call_carries_its_id() -> None:
    out = configured()
    with structlog.contextvars.bound_contextvars(call_id="c1"):
        structlog.get_logger().info("leg_changed")
        logging.getLogger("httpx").warning("slow answer")
    structlog.get_logger().info("other")
    assert [line.get("call_id") for line in out.lines()] == ["c1", "c1", None]


def test_lines_below_the_level_are_not_written() -> None:
    out = configured(level="warning")
    structlog.get_logger().info("quiet")
    structlog.get_logger().error("loud")
    assert [line["event"] for line in out.lines()] == ["loud"]


def test_libraries_speak_from_warning_up_in_the_same_output() -> None:
    out = configured(level="debug")
    logging.getLogger("sqlalchemy").info("BEGIN")
    logging.getLogger("sqlalchemy").warning("pool of %d is empty", 5)
    (line,) = out.lines()
    assert line["event"] == "pool of 5 is empty"
    assert line["logger"] == "sqlalchemy"
    assert line["level"] == "warning"


def test_configuring_again_does_not_double_the_lines() -> None:
    configured()
    out = configured()
    logging.getLogger("httpx").warning("once")
    assert len(out.lines()) == 1


@pytest.mark.parametrize(
    "key",
    [
        "password",
        "Proxy-Authorization",
        "api_key",
        "apiKey",
        "X-API-Key",
        "client_secret",
        "clientSecret",
        "token",
        "access_tokens",
    ],
)
def test_secrets_are_blanked_at_any_depth(key: str) -> None:
    fields = {"event": "x", key: "hunter2", "headers": [{key: "hunter2", "To": "bob"}]}
    assert redact(None, "info", fields) == {
        "event": "x",
        key: "[redacted]",
        "headers": [{key: "[redacted]", "To": "bob"}],
    }


def test_what_only_sounds_secret_is_kept() -> None:
    fields = {
        "event": "x",
        "first_token": 120,
        "max_tokens": 512,
        "tokenizer": "wordpiece",
        "password": None,
        "author": "sip:a@example.com",
    }
    assert redact(None, "info", fields) == fields


def test_a_numeric_password_is_a_secret_too() -> None:
    assert redact(None, "info", {"password": 1234}) == {"password": "[redacted]"}


@pytest.mark.parametrize("shape", ["json", "console"])
def test_a_traceback_shows_no_local_variables(shape: Literal["json", "console"]) -> None:
    out = configured(shape=shape)
    said = "my PIN is " + str(1234)
    try:
        int(said[:2])
    except ValueError:
        structlog.get_logger().exception("failed")
    assert "ValueError" in out.text
    assert not tells("1234", out.text)


def test_personal_fields_stay_out_of_the_log() -> None:
    said = Said(call_id="c1", speaker="caller", text="one two", unheard="three", start=0, end=9)
    fields = event_fields(said, personal=False)
    assert fields["type"] == "said"
    assert fields["call_id"] == "c1"
    assert "one two" not in json.dumps(fields)
    assert "three" not in json.dumps(fields)
    assert "digit" not in event_fields(DigitReceived(call_id="c", leg="a", digit="5"), False)
    call = ToolCalled(call_id="c", id="1", tool="lookup", arguments={"name": "Rossi"})
    assert "arguments" not in event_fields(call, personal=False)


def test_personal_fields_are_logged_when_asked() -> None:
    digit = DigitReceived(call_id="c", leg="a", digit="5")
    assert event_fields(digit, personal=True)["digit"] == "5"


def test_event_fields_can_be_written_as_they_are() -> None:
    out = configured()
    for event in (CallEnded(call_id="c"), TurnLatency(call_id="c", turn=1, first_token=80)):
        fields = event_fields(event, personal=False)
        structlog.get_logger().info(fields.pop("type"), **fields)
    ended, latency = out.lines()
    assert (ended["event"], ended["status"]) == ("call_ended", 200)
    assert latency["first_token"] == 80
    assert "final_text" not in latency


def test_a_room_can_have_a_level_of_its_own_and_a_part_of_it_another() -> None:
    out = Output(StringIO())
    levels: dict[str, Any] = {"edge": "error", "edge.trunks": "debug"}
    configure(Log(format="json", levels=levels), out.stream)
    for name in ("edge.front", "edge.trunks.board", "worker.main", "edgeways"):
        for level in ("debug", "info", "warning", "error"):
            getattr(structlog.get_logger(f"sipagent.{name}"), level)("told")
    written = [(line["logger"].removeprefix("sipagent."), line["level"]) for line in out.lines()]
    assert written == [
        ("edge.front", "error"),
        *(("edge.trunks.board", level) for level in ("debug", "info", "warning", "error")),
        *(("worker.main", level) for level in ("info", "warning", "error")),
        *(("edgeways", level) for level in ("info", "warning", "error")),
    ]


def test_a_room_that_does_not_exist_is_a_clear_error() -> None:
    with pytest.raises(ValueError, match="'edges' is no room: agent, api"):
        Log(levels={"edges": "debug"})


def test_lines_of_one_of_several_machines_say_which() -> None:
    out = Output(StringIO())
    configure(Log(format="json"), out.stream, node="north-1")
    structlog.get_logger("sipagent.app.gateway").info("serving")
    logging.getLogger("a_library").warning("hello")
    assert [line["node"] for line in out.lines()] == ["north-1", "north-1"]
