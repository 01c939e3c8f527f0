"""Calls on record by HTTP: searched, paged, exported, and told."""

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from httpx import AsyncClient

from sipagent.events import (
    CallEnded,
    CallStarted,
    Event,
    LegChanged,
    PolicyDecided,
    Said,
    SipMessage,
    ToolCalled,
    ToolReturned,
)

from .door import Tokens, client, happens, without_workers

BEGIN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
PLAN = """
routes: [{to: "200"}]
sections:
  main: [answer, hangup]
"""


def call(
    call_id: str, minute: int, *, caller: str = "sip:+442071838750@trunk.example", **more: Any
) -> list[Event]:
    at = BEGIN + timedelta(minutes=minute)
    began = {"caller": caller, "callee": "sip:100@pbx.example", "plan": "day", **more}
    over = at + timedelta(seconds=10 + minute)
    events: list[Event] = [
        CallStarted(call_id=call_id, at=at, t=5_000, **began),
        SipMessage(
            call_id=call_id, at=at, source="udp:192.0.2.7:5060", destination="us",
            start_line="INVITE sip:100@pbx.example SIP/2.0", cseq="1 INVITE", sip_call_id="d1",
        ),
        LegChanged(call_id=call_id, at=at, t=5_010, leg="1", remote=caller, state="confirmed"),
        Said(call_id=call_id, at=at, t=7_000, speaker="caller", text=f"umbrella {minute}_%",
             start=6_000, end=7_000),
        LegChanged(
            call_id=call_id, at=over, t=9_000, leg="1", remote=caller, state="disconnected"
        ),
    ]  # fmt: skip
    return events


def ended(call_id: str, minute: int, status: int = 200, by: Any = "caller") -> Event:
    at = BEGIN + timedelta(minutes=minute, seconds=10 + minute)
    return CallEnded(call_id=call_id, at=at, t=9_010, status=status, by=by)


async def found(http: AsyncClient, **wanted: Any) -> list[str]:
    answer = await http.get("/v1/records", params=wanted)
    assert answer.status_code == 200, answer.text
    return [record["call_id"] for record in answer.json()["records"]]


async def test_calls_are_searched_by_whatever_is_known_of_them(tmp_path: Path) -> None:
    tokens = Tokens(requests_per_second=1000)
    async with (
        without_workers(tmp_path, PLAN, tokens) as server,
        client(server, tokens.of["viewer"]) as http,
    ):
        for minute in range(4):
            happens(server, [*call(f"c{minute}", minute), ended(f"c{minute}", minute)])
        happens(server, [*call("busy", 4, plan="night"), ended("busy", 4, 486, "system")])
        happens(server, call("out", 5, direction="outbound", caller="sip:me_too@x.example"))
        everything = ["out", "busy", "c3", "c2", "c1", "c0"]
        assert await found(http) == everything
        assert await found(http, state="live") == ["out"]
        assert await found(http, state="ended") == everything[1:]
        assert await found(http, direction="outbound") == ["out"]
        assert await found(http, caller="ME_TOO") == ["out"]
        assert await found(http, caller="m%too") == []
        assert await found(http, callee="100@pbx", plan="night") == ["busy"]
        assert await found(http, status="4xx") == await found(http, status="486") == ["busy"]
        assert await found(http, status="5xx") == []
        assert await found(http, ended_by="system") == ["busy"]
        assert await found(http, min_duration=13.5) == ["out", "busy"]
        assert await found(http, text="UMBRELLA 2_%") == ["c2"]
        since, until = "2026-03-02T09:01:00Z", "2026-03-02T11:03:00+02:00"
        assert await found(http, since=since, until=until) == ["c2", "c1"]
        assert await found(http, since="2026-03-02T09:04:00") == ["out", "busy"]
        for wrong in (
            {"status": "9xx"}, {"since": "0001-01-01T00:00:00+14:00"}, {"who": "me"},
            {"after": "nowhere"}, {"limit": "0"}, {"after": "MSAy"},
        ):  # fmt: skip
            answer = await http.get("/v1/records", params=wrong)
            assert (answer.status_code, answer.json()["place"]) == (
                422,
                f"query.{next(iter(wrong))}",
            )


async def test_pages_stay_where_they_are_while_calls_come_in(tmp_path: Path) -> None:
    tokens = Tokens()
    async with (
        without_workers(tmp_path, PLAN, tokens) as server,
        client(server, tokens.of["viewer"]) as http,
    ):
        for n in range(5):  # two of them at the same moment
            happens(server, [*call(f"c{n}", max(n, 1)), ended(f"c{n}", max(n, 1))])
        first = (await http.get("/v1/records", params={"limit": 2})).json()
        happens(server, [*call("new", 9), ended("new", 9)])
        seen = [record["call_id"] for record in first["records"]]
        after = first["after"]
        while after:
            page = (await http.get("/v1/records", params={"limit": 2, "after": after})).json()
            seen += [record["call_id"] for record in page["records"]]
            after = page["after"]
        assert seen == ["c4", "c3", "c2", "c0", "c1"]


async def test_a_table_has_every_call_and_no_formula(tmp_path: Path) -> None:
    tokens = Tokens()
    async with (
        without_workers(tmp_path, PLAN, tokens) as server,
        client(server, tokens.of["viewer"]) as http,
    ):
        for n in range(205):  # more than one page
            caller = "=cmd|' /C calc'!A0" if n == 3 else "+44207"
            happens(server, call(f"c{n:03}", n, caller=caller))
        answer = await http.get("/v1/records.csv", params={"plan": "day"})
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        rows = list(csv.DictReader(answer.text.splitlines()))
        assert [row["call_id"] for row in rows] == [f"c{n:03}" for n in reversed(range(205))]
        assert {row["caller"] for row in rows} == {"'+44207", "'=cmd|' /C calc'!A0"}
        assert (rows[-1]["duration"], rows[-1]["turns_caller"]) == ("10.0", "1")


async def test_the_story_of_a_call_is_told_while_it_lives_and_afterwards(tmp_path: Path) -> None:
    tokens = Tokens()
    async with (
        without_workers(tmp_path, PLAN, tokens) as server,
        client(server, tokens.of["viewer"]) as http,
    ):
        asked: Any = {"id": "t1", "tool": "transfer"}
        happens(
            server,
            [
                *call("c1", 1)[:-1],
                ToolCalled(call_id="c1", t=7_100, arguments={"to": "5"}, **asked),
                PolicyDecided(
                    call_id="c1", t=7_110, verb="transfer", by="model", allowed=False, reason="no"
                ),
                ToolReturned(call_id="c1", t=7_120, ok=False, result="denied", ms=20, **asked),
            ],
        )
        live = (await http.get("/v1/calls/c1/story")).json()
        assert (live["record"]["ended"], live["record"]["denials"], live["zero"]) == (None, 1, 5000)
        assert [line["heard"] for line in live["transcript"]] == ["umbrella 1_%"]
        assert [(tool["tool"], tool["ok"]) for tool in live["tools"]] == [("transfer", False)]
        (rung,) = live["ladder"]
        assert (rung["inward"], rung["dialog"], rung["t"]) == (True, 1, 5000)
        drawn = await http.get("/v1/calls/c1/timeline.svg")
        assert drawn.headers["content-type"] == "image/svg+xml"
        assert "default-src 'none'" in drawn.headers["content-security-policy"]
        assert ElementTree.fromstring(drawn.text).tag.endswith("svg")
        happens(server, [call("c1", 1)[-1], ended("c1", 1)])
        await server.bundle("c1")
        over = (await http.get("/v1/calls/c1/story")).json()
        record = (await http.get("/v1/records/c1")).json()
        assert over["record"] == record
        assert record["ended_by"] == "caller"
        assert (await http.get("/v1/calls/c1/timeline.svg")).text == (
            server.bundles["c1"] / "timeline.svg"
        ).read_text()
        for path in ("records/no", "calls/no/story", "calls/no/timeline.svg", "records/%00%ff"):
            unknown = await http.get(f"/v1/{path}")
            assert (unknown.status_code, unknown.json()["type"]) == (
                404,
                "urn:sipagent:problem:unknown-call",
            )
