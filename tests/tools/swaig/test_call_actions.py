"""Actions on a call, as both SDKs write them: documents, leaving, hold, events."""

import asyncio
from typing import Any

import pytest
from signalwire.core.function_result import FunctionResult
from signalwire_agents.core.function_result import SwaigFunctionResult

from sipagent.call.policy import Policy
from sipagent.events import HoldChanged, PolicyDecided, UserEvent, VerbDone
from sipagent.testing.functions import FunctionTalk, a_function_talk, answering
from sipagent.testing.virtual import virtual_time
from sipagent.verbs.documents import run_document

#: of both packages
SDKS = pytest.mark.parametrize("made", [SwaigFunctionResult, FunctionResult], ids=["1.1", "3.7"])
Made = type[Any]
STEPS = {
    "default": {
        "steps": [{"name": "first", "text": "Begin."}, {"name": "second", "text": "Go on."}],
        "valid_contexts": ["other"],
    },
    "other": {"steps": [{"name": "there", "text": "Over there."}]},
}


def verbs(talk: FunctionTalk) -> list[tuple[str, str, bool]]:
    """Verbs that functions have done."""
    done = talk.talk.call.all(VerbDone)
    return [(e.verb, e.by, e.ok) for e in done if e.by.startswith("function:")]


@pytest.mark.swml("action", "hangup", "at once")
@SDKS
@virtual_time
async def test_hangup_ends_the_call(made: Made) -> None:
    async with answering(made("bye").hangup()) as talk:
        await talk.ask()
        assert (await talk.talk.end()).reason in ("done", "gone")
        assert verbs(talk) == [("hangup", "function:f", True)]


@SDKS
@virtual_time
async def test_with_post_process_the_model_speaks_before_the_actions(made: Made) -> None:
    result = made("say goodbye").set_post_process(True).hangup()
    async with answering(result, "Goodbye then.") as talk:
        await talk.ask()
        end = await talk.talk.end()
        assert end.reason in ("done", "gone")
        assert talk.talk.said == [("agent", "Goodbye then.")]
        assert talk.talk.heard_words() == "Goodbye then."


@pytest.mark.swml("action", "stop", "the talk ends, the plan goes on")
@SDKS
@virtual_time
async def test_stop_ends_the_talk_and_not_the_call(made: Made) -> None:
    async with answering(made("that is all").stop()) as talk:
        await talk.ask()
        assert (await talk.talk.end()).reason == "done"
        assert talk.talk.call.caller.state == "confirmed"


@pytest.mark.swml("action", "SWML", "run inline; the agent steps aside for what takes the caller")
@SDKS
@virtual_time
async def test_a_connect_that_comes_back_goes_on_with_the_talk(made: Made) -> None:
    result = made("connected").connect("sip:bob@pbx.example", final=False)
    async with answering(
        result, "How was it?", policy=Policy(destinations=("sip:*@pbx.example",))
    ) as t:
        await t.ask()
        leg = t.talk.call.dialer.legs[-1]
        assert t.talk.port not in t.talk.call.session.room.members
        leg.hang_up_remotely()
        await asyncio.sleep(3)
        assert t.talk.said[-1] == ("agent", "How was it?")
        assert t.talk.port in t.talk.call.session.room.members


@pytest.mark.swml("action", "transfer", "beside SWML or inside it, a bool or a string; or a place")
@SDKS
@virtual_time
async def test_a_final_connect_leaves_the_talk_for_its_document(made: Made) -> None:
    result = made("connecting").connect("sip:bob@pbx.example")
    async with answering(result, policy=Policy(destinations=("sip:*",))) as talk:
        await talk.ask()
        end = await talk.talk.end()
        assert end.exit is not None
        assert [step.verb.name for step in end.exit.document.program["main"]] == ["connect"]
        assert end.exit.by == "function:f"


@pytest.mark.parametrize("place", ["inside", "beside"])
@pytest.mark.parametrize("flag", [True, "true"])
def test_transfer_counts_wherever_it_stands(place: str, flag: Any) -> None:
    @virtual_time
    async def run() -> None:
        document = {"version": "1.0.0", "sections": {"main": ["hangup"]}}
        action: dict[str, Any] = {"transfer": flag} if place == "beside" else {}
        action["SWML"] = document | ({"transfer": flag} if place == "inside" else {})
        async with a_function_talk({"f": [{"response": "x", "action": action}]}, {}) as talk:
            await talk.ask()
            assert (await talk.talk.end()).exit is not None

    run()


@SDKS
@virtual_time
async def test_what_is_to_be_said_on_return_is_filled_in_then(made: Made) -> None:
    document = {
        "sections": {
            "main": [
                {"set": {"ai_response": "The result was ${vars.outcome}."}},
                {"set": {"outcome": "fine"}},
            ]
        }
    }
    async with answering(made("done").execute_swml(document)) as talk:
        await talk.ask()
        assert talk.results == ["done\nThe result was fine."]


@SDKS
@virtual_time
async def test_a_toll_call_that_policy_forbids_is_refused_and_told(made: Made) -> None:
    result = made("free call!").connect("+190055512345", final=False)
    async with answering(result, "I cannot.", policy=Policy(destinations=("+44*",))) as talk:
        await talk.ask()
        assert talk.talk.call.dialer.legs == []
        assert "not an allowed destination" in talk.results[0]
        denied = [e for e in talk.talk.call.all(PolicyDecided) if not e.allowed]
        assert [(e.verb, e.by) for e in denied] == [("connect", "function:f")]


@pytest.mark.swml("action", "hold", "seconds, a duration, an object; time or ai_unhold ends it")
@SDKS
@virtual_time
async def test_a_hold_ends_by_its_time(made: Made) -> None:
    async with answering(made("held").hold(20), "Thank you for waiting.") as talk:
        await talk.ask(10_000)
        assert talk.talk.said == []
        assert held(talk)
        await asyncio.sleep(15)
        assert not held(talk)
        assert talk.talk.said == [("agent", "Thank you for waiting.")]
        assert [e.held for e in talk.talk.call.all(HoldChanged)] == [True, False]


@virtual_time
async def test_a_hold_ended_from_outside_lands_in_its_step() -> None:
    result = FunctionResult().hold("Tell them.", 300, step="second", timeout_step="first")
    async with answering(result, "One moment.", "Back.", contexts=STEPS) as talk:
        await talk.ask(5000)
        assert talk.results == ["status: on hold\n\nTell them."]
        assert talk.talk.said == [("agent", "One moment.")]
        raw = {"sections": {"main": [{"execute_rpc": {"method": "ai_unhold"}}]}}
        call = talk.talk.call.session
        document = call.services.documents.read(raw, "outside")
        await run_document(talk.talk.call.control("api:x"), document)
        await asyncio.sleep(1)
        assert call.hold is None
        assert "Current step: second" in await prompt(talk)


def held(talk: FunctionTalk) -> bool:
    """Is the caller on hold?"""
    return talk.talk.call.session.hold is not None


async def prompt(talk: FunctionTalk) -> str:
    """The system prompt of the next turn."""
    await talk.ask()
    return talk.talk.conversation.prompt


@pytest.mark.swml("action", "user_event", "to whoever follows the call")
@SDKS
@virtual_time
async def test_a_user_event_is_on_record(made: Made) -> None:
    async with answering(made("ok").swml_user_event({"type": "cart", "items": 3})) as talk:
        await talk.ask()
        assert [e.data for e in talk.talk.call.all(UserEvent)] == [{"type": "cart", "items": 3}]
    native = made("ok").add_action("user_event", {"type": "cart"})
    async with answering(native) as talk:
        await talk.ask()
        assert [e.data for e in talk.talk.call.all(UserEvent)] == [{"type": "cart"}]
