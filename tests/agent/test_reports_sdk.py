"""Reports as the published SDKs read them: what their handlers are given."""

import asyncio
import importlib
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from sipagent.agent.failover import only
from sipagent.agent.reporting.reporter import Reporter
from sipagent.call.web import WebReply, WebRequest
from sipagent.dialplan.swml.reports import reports_of
from sipagent.events import Reported
from sipagent.testing.fakes import ScriptedBrain, ScriptedEars
from sipagent.testing.talk import a_talk
from sipagent.testing.virtual import virtual_time

USER = ("me", "word")


class AppWeb:
    """The way to one application in this process. It has threads of its own, and virtual time waits
    for none: so it runs on another loop, and this one stands still meanwhile.
    """

    def __init__(self, app: Any) -> None:
        self._transport = httpx.ASGITransport(app)

    async def ask(self, request: WebRequest) -> WebReply:
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(asyncio.run, self._ask(request)).result(60)

    async def _ask(self, request: WebRequest) -> WebReply:
        async with httpx.AsyncClient(transport=self._transport) as client:
            reply = await client.request(request.method, request.url, json=request.data)
        return WebReply(reply.status_code, request.url, dict(reply.headers), reply.content)


@pytest.mark.parametrize("package", ["signalwire_agents", "signalwire"])
@virtual_time
async def test_the_handlers_of_the_sdks_are_given_summary_and_debug_events(
    package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "SIGNALWIRE_LOG_MODE", "off")
    base: Any = importlib.import_module(package).AgentBase
    summaries: list[tuple[Any, dict[str, Any]]] = []
    events: list[tuple[str, dict[str, Any]]] = []

    class Shop(base):  # type: ignore[misc]
        def on_summary(self, summary: Any, raw_data: Any = None) -> None:
            summaries.append((summary, raw_data))

    agent = Shop("shop", basic_auth=USER)
    agent.set_post_prompt("As JSON: what was it about?")
    if hasattr(agent, "enable_debug_events"):
        agent.enable_debug_events(level=1)
        agent.on_debug_event(lambda label, data: events.append((label, data)))
    web = AppWeb(agent.get_app())
    fetch = WebRequest("http://me:word@shop.example/", "POST", data={"call": {"call_id": "call-1"}})
    document = (await web.ask(fetch)).json()
    (ai,) = [verb["ai"] for verb in document["sections"]["main"] if "ai" in verb]
    spec = reports_of(ai)
    assert spec is not None
    scribe = ScriptedBrain('{"topic": "hats"}')
    async with a_talk(
        ears=ScriptedEars("how much is a hat"),
        brain=ScriptedBrain("Twelve."),
        sources=(Reporter(spec, only(scribe, "scribe")),),
        fakes={"web": web},
    ) as talk:
        await talk.until(1000)
        await talk.person.speak(400, then_quiet=2000)
        talk.call.caller.hang_up_remotely()
        await talk.end()
        await talk.call.session.end()
        assert {(event.report, event.error) for event in talk.call.all(Reported)} == {
            ("post_prompt", ""),
            *([("debug", "")] if events else []),
        }
    ((summary, body),) = summaries
    assert summary == {"topic": "hats"}
    assert body["call_id"] == "call-1"
    if events:
        assert events[0][0] == "session_start" and events[-1][0] == "session_end"
        assert {data["call_id"] for _, data in events} == {"call-1"}
    assert bool(events) == hasattr(agent, "enable_debug_events")
