"""The model acts: what it asks for happens, is refused, or comes back with what was wrong."""

from pathlib import Path

import pytest

from sipagent.events import CallEnded, PolicyDecided, ToolReturned, VerbDone
from sipagent.testing.audio import speech_like
from sipagent.testing.model_server import Reply, ToolUse
from sipagent.testing.modelled import Script, last, modelled
from sipagent.testing.phone import Phone, refuse_with
from sipagent.testing.recorded import in_it

pytestmark = pytest.mark.slow
SALES_ONLY = '{destinations: ["sip:sales@127.0.0.1:*"]}'

ORDERS = '''
"""Orders."""

from pathlib import Path

from sipagent.tools import tool


@tool
async def lookup_order(number: int) -> str:
    """Look up an order.

    :param number: as printed on the receipt
    """
    with Path("FILE").open("a") as file:
        file.write(f"{number!r}\\n")
    return f"order {number} was sent on Monday"
'''


def transfer_to(uri: str) -> ToolUse:
    return ToolUse("transfer", f'{{"to": "{uri}"}}', "t1")


async def test_the_models_tool_call_puts_the_caller_through(tmp_path: Path) -> None:
    async with Phone(user="sales") as sales:
        script: Script = [Reply("One moment please.", tools=[transfer_to(sales.uri)])]
        async with modelled(tmp_path, script, policy=SALES_ONLY) as talk:
            request = await talk.says("connect me to the sales department")
            assert request.messages[-1]["content"].endswith("connect me to the sales department")
            assert [t["function"]["name"] for t in request.body["tools"]] == ["transfer"]
            answered = await sales.wait_call(timeout=20)
            await answered.wait_answered()
            await talk.server.until(lambda e: isinstance(e, VerbDone) and e.verb == "transfer")
            theirs, ours = speech_like(1.5, 1), speech_like(1.5, 2)
            await answered.play(theirs)
            await talk.call.play(ours)
            await talk.server.wait_for(
                lambda: (
                    in_it(theirs, talk.call.stream.heard.pcm())
                    and in_it(ours, answered.stream.heard.pcm())
                )
            )
            await answered.hangup()
            await talk.call.wait_ended()
            end = await talk.server.ended()
            assert await talk.heard(await talk.told("One moment please."))
            bundle = await talk.server.bundle(end.call_id)
        assert len(talk.model.chats) == 1  # it is through: nothing more is asked
        (decision,) = [p for p in bundle.policy if p.by == "model"]
        assert (decision.verb, decision.allowed) == ("transfer", True)
        (run,) = bundle.tools
        assert (run.tool, run.ok, run.arguments) == ("transfer", True, {"to": sales.uri})
        (transfer,) = bundle.cdr.transfers
        assert transfer.ok
        assert transfer.target == sales.uri


async def test_the_model_reads_why_policy_refuses_and_tells_the_caller(tmp_path: Path) -> None:
    async with Phone(user="premium") as premium:
        script: Script = [Reply(tools=[transfer_to(premium.uri)]), "I am not allowed to call them."]
        async with modelled(tmp_path, script, policy=SALES_ONLY) as talk:
            await talk.says("connect me to the sales department")
            request = await talk.request(2)
            call, result = request.messages[-2:]
            assert call["role"] == "assistant"
            assert call["tool_calls"][0]["id"] == result["tool_call_id"]
            assert result["role"] == "tool"
            assert f"{premium.uri} is not an allowed destination" in result["content"]
            assert await talk.heard(await talk.told("I am not allowed to call them."))
            bundle = await talk.server.bundle()
        assert premium.calls == []
        (decision,) = [p for p in bundle.policy if p.by == "model"]
        assert (decision.verb, decision.allowed) == ("transfer", False)
        assert bundle.cdr.denials == 1


async def test_a_party_that_is_busy_is_reported_as_such(tmp_path: Path) -> None:
    async with Phone(user="sales") as sales:
        sales.on_call = refuse_with(486)
        script: Script = [Reply(tools=[transfer_to(sales.uri)]), "Sales is busy just now."]
        async with modelled(tmp_path, script, policy=SALES_ONLY) as talk:
            await talk.says("connect me to the sales department")
            assert "486 Busy Here: sales is busy" in last(await talk.request(2))
            await talk.told("Sales is busy just now.")


async def test_bad_arguments_come_back_to_the_model_and_the_function_is_not_called(
    tmp_path: Path,
) -> None:
    called = tmp_path / "called"
    folder = tmp_path / "tools"
    folder.mkdir()
    (folder / "orders.py").write_text(ORDERS.replace("FILE", str(called)))
    bad = ['{"number": "twelve"}', "{}", '{"number": 12', '{"number": 12, "colour": "red"}']
    script: list[Reply | str] = [Reply(tools=[ToolUse("lookup_order", raw)]) for raw in bad]
    script += [Reply(tools=[ToolUse("lookup_order", '{"number": 12}')]), "It was sent on Monday."]
    async with modelled(tmp_path, script, offered="lookup_order", tools=(folder,)) as talk:
        await talk.says("where is my order")
        complaints = [last(await talk.request(number)) for number in (2, 3, 4, 5)]
        await talk.request(6)
        assert called.read_text() == "12\n"
        await talk.told("It was sent on Monday.")
        returned = [(event.ok, event.result) for event in talk.all(ToolReturned)]
    for complaint, said in zip(
        complaints,
        [
            "number: Input should be a valid integer",
            "number: Field required",
            "not a JSON object",
            "colour: there is no such argument",
        ],
        strict=True,
    ):
        assert complaint.startswith("Failed: ")
        assert said in complaint
    assert [ok for ok, _ in returned] == [False, False, False, False, True]
    assert returned[-1][1] == "order 12 was sent on Monday"
    assert last(talk.model.chats[5]) == "order 12 was sent on Monday"


async def test_a_tool_that_was_not_listed_is_neither_offered_nor_run(tmp_path: Path) -> None:
    script: Script = [Reply(tools=[ToolUse("hangup")]), "I cannot hang up."]
    async with modelled(tmp_path, script, offered="transfer", policy=SALES_ONLY) as talk:
        await talk.says("where is my order")
        assert "There is no tool 'hangup'. The tools: transfer." in last(await talk.request(2))
        await talk.told("I cannot hang up.")
        assert talk.all(CallEnded) == []
        assert [event.verb for event in talk.all(PolicyDecided)] == []
