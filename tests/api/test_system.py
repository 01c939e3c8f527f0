"""The server itself by HTTP: trunks, phones and dialplans, and having them read again."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from sipagent.config import Phone as PhoneSettings
from sipagent.config import Upload
from sipagent.testing.phone import Phone
from sipagent.testing.ports import free_port
from sipagent.testing.server import Server, running, settings_in

from .door import FEW, Tokens, client, without_workers

PLAN = """version: 1.0.0
routes: [{to: "200"}]
agents:
  desk: {greeting: Hello., fallback: closed, intents: {hi: {phrases: [hello], say: Hi.}}}
sections:
  main: [answer, {ai: desk}, hangup]
  closed: [hangup]
"""


async def test_dialplans_are_listed_with_what_is_wrong_and_drawn(tmp_path: Path) -> None:
    tokens = Tokens()
    async with (
        without_workers(tmp_path, PLAN, tokens) as server,
        client(server, tokens.of["viewer"]) as http,
    ):
        broken = tmp_path / "plans" / "broken.yaml"
        broken.write_text("sections: {main: [answr]}\n")
        server.gateway.plans.reload()
        told = (await http.get("/v1/dialplans")).json()
        assert [(p["name"], p["in_force"]) for p in told["dialplans"]] == [
            ("plan", True),
            ("broken", False),
        ]
        assert told["dialplans"][0]["routes"] == ["to 200"]
        (finding,) = told["dialplans"][1]["findings"]
        assert (finding["line"], finding["key"]) == (1, "sections.main[0]")
        assert finding["hint"] == "did you mean answer?"
        graph = (await http.get("/v1/dialplans/plan/graph")).json()
        nodes = {node["id"]: node for node in graph["nodes"]}
        assert nodes["agent:desk"] == {
            "id": "agent:desk", "kind": "agent", "label": "desk", "line": 4,
        }  # fmt: skip
        fallback = {"from": "agent:desk", "to": "section:closed", "label": "fallback"}
        assert fallback in graph["edges"]
        unknown = await http.get("/v1/dialplans/broken/graph")
        assert (unknown.status_code, unknown.json()["type"]) == (
            404,
            "urn:sipagent:problem:unknown-plan",
        )


async def test_a_document_is_checked_and_never_loaded(tmp_path: Path) -> None:
    tokens = Tokens(requests_per_second=1000)
    async with (
        without_workers(tmp_path, PLAN, tokens) as server,
        client(server, tokens.of["admin"]) as http,
    ):

        async def checked(document: str | bytes) -> Any:
            answer = await http.post("/v1/dialplans/check", content=document)
            assert answer.status_code == 200, answer.text
            return answer.json()

        sound = await checked(PLAN.replace("200", "300"))
        assert (sound["ok"], sound["routes"], sound["findings"]) == (True, ["to 300"], [])
        wrong = await checked("name: x\nsections:\n  main:\n  - {play: }\n  - goto\n")
        assert not wrong["ok"]
        assert {finding["line"] for finding in wrong["findings"]} == {4, 5}
        for hostile, message in (
            (_laughs(), "aliases"),
            ("&a [*a]", "too deeply"),
            ("[" * 5000, "too deeply"),
            ("a: b: c", "mapping"),
            ("", "mapping"),
            ("sections: {1: [2], main: {3: 4}}", "list of steps"),
            ("sections: {main: [answer]}\nagents: {2000-01-01: {greeting: 2000-01-01}}", "string"),
        ):  # fmt: skip
            told = await checked(hostile)
            assert not told["ok"]
            assert any(message in f["message"] for f in told["findings"]), (hostile[:40], told)
        long = await http.post("/v1/dialplans/check", content=b"#" * 65_537)
        assert (long.status_code, long.json()["type"]) == (413, "urn:sipagent:problem:too-big")
        binary = await http.post("/v1/dialplans/check", content=b"\xff\xfe")
        assert (binary.status_code, binary.json()["place"]) == (422, "body")
        assert [plan.name for plan in server.gateway.plans.plans] == ["plan"]


async def test_a_server_tells_how_it_does_and_reads_its_files_again(tmp_path: Path) -> None:
    tokens = Tokens()
    trunk = {
        "carrier": {
            "host": "127.0.0.1", "port": 9, "username": "me", "password": "secret-word",
            "registration": {"retry_seconds": 600}, "calls": 3,
        }
    }  # fmt: skip
    phones = {"201": PhoneSettings(password=SecretStr("secret-word"), display_name="Ann")}
    async with (
        running(tmp_path, PLAN, limits=FEW, api=tokens.api, trunks=trunk, phones=phones) as server,
        client(server, tokens.of["viewer"]) as viewer,
        client(server, tokens.of["admin"]) as admin,
    ):
        status = (await viewer.get("/v1/status")).json()
        assert (status["why_not_ready"], status["calls"], status["limits"]["calls"]) == ("", 0, 100)
        assert status["version"]
        assert status["uploads"] is None
        (carrier,) = (await viewer.get("/v1/trunks")).json()["trunks"]
        assert (carrier["name"], carrier["limit"]) == ("carrier", 3)
        assert carrier["registration"] in ("trying", "failed")
        (phone,) = (await viewer.get("/v1/phones")).json()["phones"]
        assert phone == {"extension": "201", "display_name": "Ann", "contacts": []}
        refused = await viewer.post("/v1/reload")
        assert refused.status_code == 403
        (tmp_path / "plans" / "second.yaml").write_text(PLAN.replace("200", "300"))
        report = (await admin.post("/v1/reload")).json()
        assert (report["ok"], report["findings"]) == (True, [])
        assert len(server.gateway.plans.plans) == 2
        (tmp_path / "plans" / "second.yaml").write_text("sections: {}")
        report = (await admin.post("/v1/reload")).json()
        assert not report["ok"]
        assert report["findings"][0]["message"] == "there must be a section named main"
        assert len(server.gateway.plans.plans) == 2
        assert _acts(server) == [("reload", "ok"), ("reload", "problem: findings in dialplans")]


async def test_a_server_tells_what_waits_to_be_uploaded_and_why(tmp_path: Path) -> None:
    tokens = Tokens()
    store = settings_in(tmp_path, PLAN).store
    upload = Upload.model_validate({
        "bucket": "records", "endpoint": f"http://127.0.0.1:{free_port()}", "timeout": 5,
        "access_key_id": "tester", "secret_access_key": "secret-word",
    })  # fmt: skip
    store = store.model_copy(update={"upload": upload})
    async with (
        running(tmp_path, PLAN, api=tokens.api, store=store) as server,
        client(server, tokens.of["viewer"]) as viewer,
        Phone() as phone,
    ):
        told = (await viewer.get("/v1/status")).json()["uploads"]
        assert told == {"waiting": 0, "sent": 0, "failed": 0, "error": ""}
        call = await phone.dial(server.uri("200"))
        await call.wait_answered()
        await call.hangup()
        await server.wait_for(lambda: server.gateway.uploads.seen.failing, 20)
        told = (await viewer.get("/v1/status")).json()["uploads"]
        assert (told["waiting"], told["sent"]) == (1, 0)
        assert "the bucket records" in told["error"]
        assert "secret-word" not in told["error"]


def _acts(server: Server) -> list[tuple[str, str]]:
    lines = (server.folder / "bundles" / "audit.jsonl").read_text().splitlines()
    return [(act["act"], act["outcome"]) for act in map(json.loads, lines)]


def _laughs() -> str:
    """Nine values, each nine times the one before."""
    text = "a: &a [x, x, x, x, x, x, x, x, x]\n"
    for before, name in pairwise("abcdefghi"):
        text += f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    return text
