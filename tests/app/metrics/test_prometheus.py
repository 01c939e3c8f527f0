"""A real Prometheus scrapes a server, its rules load and fire, and the dashboard's questions are
ones it can answer.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from sipagent.events import CallEnded, CallStarted
from sipagent.testing import processes
from sipagent.testing.ports import free_port
from tests.api.door import Tokens, base, without_workers

ROOT = Path(__file__).parents[3]
CONTRIB = ROOT / "contrib"
RULES = (CONTRIB / "prometheus" / "sipagent.rules.yml").read_text()
DASHBOARD = json.loads((CONTRIB / "grafana" / "sipagent.json").read_text())
DOC = (ROOT / "docs" / "metrics.md").read_text()
PLAN = "sections: {main: [answer]}"
PATIENCE = 30.0


class Prometheus:
    """One that runs, by its own HTTP API."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def ask(self, expression: str) -> list[dict[str, Any]]:
        """The samples of an expression; fails where it is none."""
        answer = (await self._http.get("/api/v1/query", params={"query": expression})).json()
        assert answer["status"] == "success", f"{expression}: {answer}"
        result: list[dict[str, Any]] = answer["data"]["result"]
        return result

    async def until(self, expression: str) -> list[dict[str, Any]]:
        """Its samples once there are any. Raises TimeoutError."""
        async with asyncio.timeout(PATIENCE):
            while not (found := await self.ask(expression)):
                await asyncio.sleep(0.2)
        return found

    async def firing(self, name: str) -> dict[str, Any]:
        """An alert, once it fires. Raises TimeoutError."""
        async with asyncio.timeout(PATIENCE):
            while True:
                alerts = (await self._http.get("/api/v1/alerts")).json()["data"]["alerts"]
                for alert in alerts:
                    if alert["labels"]["alertname"] == name and alert["state"] == "firing":
                        return dict(alert)
                await asyncio.sleep(0.2)


@asynccontextmanager
async def prometheus(folder: Path, target: str, token: str) -> AsyncIterator[Prometheus]:
    """With the files of contrib/, quicker: it looks twice a second and fires at once."""
    config = (CONTRIB / "prometheus" / "prometheus.yml").read_text()
    config = config.replace("127.0.0.1:8080", target).replace(
        "scrape_interval: 15s",
        "scrape_interval: 500ms\n  scrape_timeout: 500ms\n  evaluation_interval: 500ms",
    )
    (folder / "prometheus.yml").write_text(config)
    (folder / "sipagent.token").write_text(token)
    (folder / "sipagent.rules.yml").write_text(re.sub(r"for: \d+m", "for: 0s", RULES))
    here = f"127.0.0.1:{free_port()}"
    command = (
        "prometheus", "--config.file=prometheus.yml", f"--web.listen-address={here}",
        "--storage.tsdb.path=data",
    )  # fmt: skip
    process = await processes.start(command, folder / "prometheus.log", folder)
    try:
        async with httpx.AsyncClient(base_url=f"http://{here}", trust_env=False) as http:
            async with asyncio.timeout(PATIENCE):
                while not await _is_ready(http):
                    assert process.returncode is None, (folder / "prometheus.log").read_text()
                    await asyncio.sleep(0.1)
            yield Prometheus(http)
    finally:
        await processes.stop(process)


async def _is_ready(http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get("/-/ready")).is_success
    except httpx.TransportError:
        return False


def questions() -> list[str]:
    """Every expression of the dashboard, as Grafana would ask it."""
    asked = [t["expr"] for panel in DASHBOARD["panels"] for t in panel["targets"]]
    return [
        text.replace("$__rate_interval", "5m").replace("$__range", "1h").replace("$instance", ".*")
        for text in asked
    ]


@pytest.mark.peer
@pytest.mark.slow
async def test_a_prometheus_scrapes_us_and_wakes_somebody_where_it_should(tmp_path: Path) -> None:
    tokens = Tokens()
    async with without_workers(tmp_path / "server", PLAN, tokens) as server:
        ledger = server.gateway.ledger
        ledger.open("c-1", "dialog", tmp_path / "bundle")
        ledger.happened(CallStarted(call_id="c-1", caller="a", callee="b", plan="desk"))
        ledger.happened(CallEnded(call_id="c-1", t=9, status=503, by="system"))
        target = base(server).removeprefix("http://")
        async with prometheus(tmp_path, target, tokens.of["viewer"]) as watching:
            (ended,) = await watching.until("sipagent_calls_total")
            assert (ended["value"][1], ended["metric"]["status"]) == ("1", "503")
            # of this server only the HTTP door is open
            assert (
                "takes no calls"
                in (await watching.firing("SipagentNotReady"))["annotations"]["summary"]
            )
            for question in questions():
                await watching.ask(question)
            await server.gateway.http.close()
            assert (await watching.firing("SipagentDown"))["labels"]["severity"] == "page"


async def test_nobody_scrapes_without_a_token_that_may(tmp_path: Path) -> None:
    tokens = Tokens()
    async with (
        without_workers(tmp_path, PLAN, tokens) as server,
        httpx.AsyncClient(base_url=base(server), trust_env=False) as http,
    ):
        assert (await http.get("/metrics")).status_code == 401
        bearer = {"authorization": f"Bearer {tokens.of['viewer']}"}
        scraped = await http.get("/metrics", headers=bearer)
        assert scraped.headers["content-type"].startswith("text/plain")
        wanted = bearer | {"accept": "application/openmetrics-text; version=1.0.0"}
        modern = await http.get("/metrics", headers=wanted)
        assert modern.headers["content-type"].startswith("application/openmetrics-text")
        assert modern.text.endswith("# EOF\n")


def metric_names() -> set[str]:
    return set(re.findall(r"`(sipagent_[a-z_]+)`", DOC))


async def test_what_is_exposed_is_what_the_page_lists(tmp_path: Path) -> None:
    async with without_workers(tmp_path, PLAN, Tokens()) as server:
        body, _ = server.gateway.observers.metrics.exposed()
    types = re.findall(r"^# TYPE (sipagent_\w+) (\w+)", body.decode(), re.MULTILINE)
    assert {name for name, kind in types if not name.endswith("_created")} == metric_names()


def test_rules_and_dashboard_name_only_metrics_there_are() -> None:
    used = re.findall(r"sipagent_[a-z_]+", " ".join([*questions(), RULES]))
    known = metric_names()
    bare = {re.sub(r"_(bucket|sum|count)$", "", name) for name in used}
    assert bare <= known
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels) >= 20
