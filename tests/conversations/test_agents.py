"""Two agents, a form and a summary in a real call: SIP, RTP and a model over HTTP."""

import json
from pathlib import Path

import pytest

from sipagent.app.state import read_secret
from sipagent.events import AgentChanged, CallEnded, Gathered, LegChanged, Summarised
from sipagent.store.memories import MemoryBook
from sipagent.testing.model_server import ModelServer, Reply, ToolUse
from sipagent.testing.phone import Phone
from sipagent.testing.server import running

pytestmark = pytest.mark.slow

PLAN = """
routes: [{to: "100"}]
agents:
  desk:
    greeting: "Rossi and Sons."
    prompt: "You are the desk. The caller is ${call.from}."
    brain: {provider: mind}
    hand_over: [orders]
    summary:
      schema:
        type: object
        required: [order]
        properties: {order: {type: string}}
  orders:
    description: "finds orders"
    voice: {provider: espeak, pitch: 70}
    contexts:
      default:
        steps:
          - name: number
            gather_info:
              completion_action: next_step
              questions:
                - key: order
                  question: "Which number?"
                  type: digits
                  length: 4
                  confirm: true
          - {name: found, say: "It comes."}
    greeting: "Orders."
sections: {main: [answer, {ai: desk}, hangup]}
"""


async def test_a_caller_is_handed_over_fills_a_form_and_the_call_leaves_a_summary(
    tmp_path: Path,
) -> None:
    to_orders = json.dumps({"agent": "orders", "summary": "Wants to know of an order."})
    script = [
        Reply("One moment.", tools=[ToolUse("hand_over", to_orders, "t1")]),
        Reply("They asked for one.", tools=[ToolUse("record", '{"order": "4711"}', "t2")]),
    ]
    async with ModelServer(script) as model, Phone(user="alice") as phone:
        mind = {"kind": "openai", "model": "test", "base_url": model.base_url}
        async with running(tmp_path, PLAN, providers={"mind": mind}) as server:
            call = await phone.dial(server.uri("100"))
            await call.wait_answered()
            await server.until(lambda e: getattr(e, "text", "").startswith("Rossi"))
            await call.press("5#")
            await server.until(lambda e: isinstance(e, AgentChanged))
            await server.until(lambda e: getattr(e, "text", "") == "Which number?")
            await call.press("4711#")
            await server.until(lambda e: getattr(e, "text", "").startswith("I have 4 7 1 1"))
            await call.press("1")
            await server.until(lambda e: getattr(e, "text", "") == "It comes.")
            await call.hangup()
            await server.ended()
            bundle = await server.bundle()
    events = list(bundle.events)
    [gathered] = [e for e in events if isinstance(e, Gathered)]
    assert (gathered.key, gathered.value) == ("order", "4711")
    [summarised] = [e for e in events if isinstance(e, Summarised)]
    assert (summarised.ok, summarised.data) == (True, {"order": "4711"})
    gone = [e for e in events if isinstance(e, LegChanged) and e.state == "disconnected"]
    assert events.index(gone[0]) < events.index(summarised)
    [ended] = [e for e in events if isinstance(e, CallEnded)]
    assert events.index(summarised) < events.index(ended)
    prompts = [str(request.messages[0]["content"]) for request in model.chats]
    assert "The caller is" in prompts[0] and "alice" in prompts[0]
    assert "transcript of a telephone call" in prompts[1]
    assert "caller: (pressed 4711)" in str(model.chats[1].messages[-1]["content"])
    kept = json.loads((server.bundles[events[0].call_id] / "summary.json").read_text())
    assert kept["desk"]["data"] == {"order": "4711"}


REMEMBERING = """
routes: [{to: "100"}]
agents:
  desk:
    greeting: "Hello."
    prompt: "You are the desk."
    brain: {provider: mind}
    memory: {days: 30}
sections: {main: [answer, {ai: desk}, hangup]}
"""


async def test_a_caller_is_known_at_the_next_call_until_forgotten(tmp_path: Path) -> None:
    note = ToolUse("remember", '{"note": "Likes red bicycles."}', "t1")
    script: list[Reply | str] = [Reply(tools=[note]), "Fine.", "Again."]
    async with ModelServer(script) as model, Phone(user="+441632960001") as phone:
        mind = {"kind": "openai", "model": "test", "base_url": model.base_url}
        async with running(tmp_path, REMEMBERING, providers={"mind": mind}) as server:

            async def one_call(number: int, answer: str) -> str:
                since = len(server.events)
                call = await phone.dial(server.uri("100"))
                await call.wait_answered()
                await server.until(lambda e: getattr(e, "text", "") == "Hello.", since=since)
                await call.press("5#")
                await server.until(lambda e: getattr(e, "text", "") == answer, since=since)
                await call.hangup()
                await server.ended(number)
                return str(model.chats[-1].messages[0]["content"])

            await one_call(1, "Fine.")
            assert "Likes red bicycles." in await one_call(2, "Again.")
            settings = server.gateway._settings
            book = MemoryBook(settings.store.database, read_secret(settings.state_folder))
            assert await book.forget("+44 1632 960001") == 1
            assert await book.recall("+441632960001", "plan/desk") == ""
            await book.close()
