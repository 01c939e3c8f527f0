"""The trace of one real call, read back from a collector: what passed on the wire is in it."""

from pathlib import Path

import pytest

from sipagent.config import Trunk
from sipagent.config.tracing import Tracing
from sipagent.events import BargeIn, ToolReturned
from sipagent.testing.collector import Collector, Seen, SeenNote
from sipagent.testing.model_server import Reply, ToolUse
from sipagent.testing.modelled import Script, modelled
from sipagent.testing.phone import Phone
from sipagent.testing.server import running
from sipagent.testing.voice import speak

pytestmark = pytest.mark.slow

TOOL = '''
"""Orders."""

from sipagent.tools import tool


@tool
async def lookup_order(number: int) -> str:
    """Look up an order.

    :param number: as printed on the receipt
    """
    return f"order {number} was sent on Monday"
'''
#: long enough to be cut short on any machine
STORY = " ".join(f"On day {day} the parcel was in town number {day}." for day in range(1, 40))


async def test_a_real_call_is_told_whole(tmp_path: Path) -> None:
    folder = tmp_path / "tools"
    folder.mkdir()
    (folder / "orders.py").write_text(TOOL)
    script: Script = [
        Reply(tools=[ToolUse("lookup_order", '{"number": 12}')]),
        STORY,
        "As you like.",
        "Goodbye.",
    ]
    async with Collector() as collector:
        tracing = Tracing(endpoint=collector.endpoint)
        async with modelled(
            tmp_path, script, offered="lookup_order", tools=(folder,), tracing=tracing
        ) as talk:
            await talk.presses("1#")
            await talk.request(2)
            await talk.call.wait_for_speech(20)
            await talk.call.play(speak("i have another question"))
            await talk.server.until(lambda e: isinstance(e, BargeIn) and e.decision != "resumed")
            await talk.presses("2#")  # and that ends what was being told, whatever was understood
            await talk.told("As you like.")
            requests = list(talk.model.requests)
            await talk.call.hangup()
            end = await talk.server.ended()
            bundle = await talk.server.bundle(end.call_id)
            assert [r.ok for r in talk.all(ToolReturned)] == [True]
        # the server has gone, and what waited was sent
        (root,) = (span for span in collector.spans if not span.parent_id)
        _all_is_one_tree(collector, root)

        turns = {t.turn: t for t in bundle.turns}
        seen = {span.attributes["sipagent.turn"]: span for span in collector.named("turn ")}
        assert seen.keys() == turns.keys()
        for number, turn in turns.items():
            stages = [s for s in collector.of(seen[number]) if "sipagent.stage" in s.attributes]
            assert {s.name: round(s.ms) for s in stages} == dict(turn.took)
            told = seen[number].attributes.get("sipagent.turn.response_ms")
            assert told == turn.response_ms

        (tool,) = collector.named("execute_tool lookup_order")
        chats = collector.named("chat ")
        assert {chat.parent_id for chat in chats} <= {span.span_id for span in seen.values()}
        assert tool.parent_id == chats[0].parent_id == seen[1].span_id
        noted = [n.attributes["sipagent.decision"] for n in _notes(collector, "barge_in")]
        assert noted == [event.decision for event in talk.all(BargeIn)]
        (setup,), (leg,) = collector.named("setup"), collector.named("leg caller")
        assert setup.end <= leg.end
        assert leg.attributes["sipagent.media.codec"] == "PCMU"
        assert root.attributes["sipagent.sip.status"] == 200

        # the model's server was told of which trace each request is
        asked = {r.headers["traceparent"].split("-")[1] for r in requests if "chat" in r.path}
        assert asked == {root.trace_id}
        assert "alice" not in repr(collector.spans)


async def test_a_call_of_a_trunk_is_part_of_the_trunks_trace(tmp_path: Path) -> None:
    given = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    plan = "routes: [{to: '100'}]\nsections: {main: [answer, hangup]}"
    trunk = Trunk(host="127.0.0.1", addresses=("127.0.0.1",))  # type: ignore[arg-type]
    async with Collector() as collector, Phone() as phone:
        tracing = Tracing(endpoint=collector.endpoint, parents=("carrier",))
        async with running(tmp_path, plan, trunks={"carrier": trunk}, tracing=tracing) as server:
            call = await phone.dial(server.uri("100"), headers={"traceparent": given})
            await call.wait_ended()
            end = await server.ended()
            bundle = await server.bundle(end.call_id)
    (root,) = collector.named("call plan")
    assert (root.trace_id, root.parent_id) == (given[3:35], given[36:52])
    assert bundle.cdr.trace_id == root.trace_id


def _all_is_one_tree(collector: Collector, root: Seen) -> None:
    by_id = {span.span_id: span for span in collector.spans}
    assert len(by_id) == len(collector.spans)
    for span in collector.spans:
        assert span.trace_id == root.trace_id
        assert span.start <= span.end
        if span is not root:
            parent = by_id[span.parent_id]
            assert parent.start <= span.start, (span.name, parent.name)
            assert span.end <= parent.end, (span.name, parent.name)


def _notes(collector: Collector, name: str) -> list[SeenNote]:
    found = (note for span in collector.spans for note in span.notes if note.name == name)
    return sorted(found, key=lambda note: note.at)
