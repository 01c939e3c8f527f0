"""The ai verb: an agent joins the room, talks, and leaves nothing behind."""

import asyncio
from typing import Any

import pytest

from sipagent.call.control import CallControl
from sipagent.call.leg import LegState
from sipagent.call.live_agent import Exit
from sipagent.call.policy import Policy
from sipagent.call.services import TalkEnd
from sipagent.dialplan.swml.reading import read_document
from sipagent.errors import ProviderError
from sipagent.events import VerbDone
from sipagent.media.port import AudioPort
from sipagent.testing.fakes import BUSY, FakeCall, FakeTalkers, tone
from sipagent.testing.plans import planned_call
from sipagent.testing.virtual import virtual_time
from sipagent.tools.verbs import tool_of_verb
from sipagent.verbs import VERBS
from sipagent.verbs.flow import run_plan

SALES = "sip:sales@pbx.example"


class Scripted:
    """A talker that does what it is told, then ends as it is told."""

    def __init__(self, *targets: str, end: TalkEnd | None = None, stays: bool = False) -> None:
        self.targets = targets
        self.end = end
        self.stays = stays
        self.told: list[str] = []
        self.control: CallControl | None = None
        self.ended = False

    async def run(self, port: AudioPort, control: CallControl) -> TalkEnd | None:
        self.control = control
        await port.play(tone(200, rate=port.rate))
        for target in self.targets:
            result = await tool_of_verb(VERBS["transfer"]).invoke({"to": target}, control)
            self.told.append(result.text)
            if result.ends_talk:
                return TalkEnd("done")
        if self.stays:
            async for _ in port.frames():
                pass
            self.ended = True
        return self.end


class Broken:
    async def run(self, port: AudioPort, control: CallControl) -> TalkEnd | None:
        raise ProviderError("model", "no answer")


def talkers(talker: Any, *verbs: str) -> FakeTalkers:
    return FakeTalkers({"desk": talker, "inline": talker}, frozenset(verbs))


def hang_up(call: FakeCall) -> None:
    call.dialer.legs[0].hang_up_remotely()


PLAN = """
agents: {desk: {intents: {x: {phrases: x, say: x}}}}
sections:
  main: [{ai: {agent: desk}}, {set: {after: 1}}]
  closed: [{set: {closed: 1}}]
"""


@virtual_time
async def test_the_agent_holds_only_the_verbs_its_plan_lists() -> None:
    talker = Scripted(SALES)
    call = planned_call(PLAN, talkers=talkers(talker, "hangup"))
    await run_plan(call.control())
    assert talker.control is not None
    assert (talker.control.by, talker.control.allowed) == ("model", frozenset({"hangup"}))
    assert talker.told == ["transfer is not permitted here"]
    assert call.dialer.dialled == []


@virtual_time
async def test_after_a_transfer_the_plan_waits_until_the_parties_part() -> None:
    talker = Scripted(SALES)
    call = planned_call(PLAN, talkers=talkers(talker, "transfer"))
    asyncio.get_running_loop().call_later(60, hang_up, call)
    await run_plan(call.control())
    assert talker.told == ["connected to sales"]
    assert asyncio.get_running_loop().time() >= 60
    assert call.session.scope["vars"]["after"] == 1
    assert call.session.room.members == [call.caller]


@virtual_time
async def test_the_agent_goes_on_after_a_failed_transfer() -> None:
    talker = Scripted(SALES, "sip:desk@pbx.example")
    call = planned_call(PLAN, talkers=talkers(talker, "transfer"), scripts={SALES: BUSY})
    asyncio.get_running_loop().call_later(9, call.caller.hang_up_remotely)
    await run_plan(call.control())
    assert talker.told == ["486 Busy Here: sales is busy", "connected to desk"]
    await asyncio.sleep(1)
    assert [leg.state for leg in call.dialer.legs] == [LegState.DISCONNECTED] * 2


@virtual_time
async def test_a_talker_is_told_by_its_port_when_the_caller_hangs_up() -> None:
    talker = Scripted(stays=True)
    call = planned_call(PLAN, talkers=talkers(talker))
    asyncio.get_running_loop().call_later(3, call.caller.hang_up_remotely)
    outcome = await run_plan(call.control())
    assert not outcome.ok
    assert talker.ended
    assert call.session.agent is None
    assert call.session.room.members == []


@virtual_time
async def test_a_talk_may_end_in_another_section() -> None:
    talker = Scripted(end=TalkEnd("failed", "closed"))
    call = planned_call(PLAN, talkers=talkers(talker))
    await run_plan(call.control())
    assert call.session.scope["vars"]["closed"] == 1
    assert "after" not in call.session.scope["vars"]


@virtual_time
async def test_a_talker_that_breaks_fails_the_step() -> None:
    call = planned_call(PLAN, talkers=talkers(Broken()))
    assert (await run_plan(call.control())).ok
    assert call.session.scope["vars"]["after"] == 1
    assert call.session.agent is None


@virtual_time
async def test_an_inline_swml_agent_is_passed_on_untouched() -> None:
    house = talkers(Scripted())
    call = planned_call(
        "- ai: {prompt: {text: 'Hello ${global_data.x}'}, params: {wait_for_user: true}}",
        talkers=house,
    )
    await run_plan(call.control())
    assert house.opened == [
        {"prompt": {"text": "Hello ${global_data.x}"}, "params": {"wait_for_user": True}}
    ]


@pytest.mark.swml("verb", "ai", "settings are filled from the call, prompts as they are asked")
@virtual_time
async def test_settings_of_an_inline_agent_are_filled_when_its_talk_begins() -> None:
    house = talkers(Scripted())
    call = planned_call(
        "- ai: {prompt: {text: 'Hello ${global_data.x}'}, global_data: {x: '${vars.name}'},"
        " params: {attention_timeout: '${vars.patience}', app_name: 'desk ${global_data.x}',"
        " static_greeting: 'Hi ${global_data.x}'}, SWAIG: {functions: ['${args.a}']}}",
        talkers=house,
    )
    call.session.scope["vars"] |= {"name": "Ann", "patience": 12_000}
    await run_plan(call.control())
    assert house.opened == [
        {
            "prompt": {"text": "Hello ${global_data.x}"},
            "global_data": {"x": "Ann"},
            "params": {
                "attention_timeout": 12_000,
                "app_name": "desk Ann",
                "static_greeting": "Hi ${global_data.x}",
            },
            "SWAIG": {"functions": ["${args.a}"]},
        }
    ]


@virtual_time
async def test_a_document_in_the_place_of_the_talk_is_the_end_of_the_plan() -> None:
    call = planned_call(PLAN)
    raw = {"sections": {"main": [{"set": {"instead": 1}}, {"connect": {"to": SALES}}]}}
    document = read_document(raw, "function f")
    talker = Scripted(end=TalkEnd("done", exit=Exit(document, "function:f")))
    call.services.talkers.talkers |= {"desk": talker}  # type: ignore[attr-defined]
    deny = Policy(destinations=("sip:nobody@*",))
    await run_plan(call.control("dialplan", deny))
    assert call.session.scope["vars"]["instead"] == 1
    assert "after" not in call.session.scope["vars"]
    done = [(e.verb, e.by, e.ok) for e in call.all(VerbDone) if e.verb == "connect"]
    assert done == [("connect", "function:f", False)]
    assert call.session.agent is None
