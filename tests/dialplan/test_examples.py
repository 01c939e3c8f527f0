"""The examples in dialplans/ as calls."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from sipagent.call.leg import LegState
from sipagent.call.services import TalkEnd
from sipagent.dialplan.expressions import JavaScript
from sipagent.dialplan.load import load_file
from sipagent.events import AgentChanged, LegChanged, RecordingStarted, Said, StepStarted
from sipagent.testing.agents import StagedTalkers
from sipagent.testing.fakes import (
    BUSY,
    NO_ANSWER,
    FakeCall,
    FakeTalkers,
    FakeTexts,
    Script,
    ScriptedEars,
    a_call,
)
from sipagent.testing.virtual import virtual_time
from sipagent.tools.verbs import tool_of_verb
from sipagent.verbs import VERBS
from sipagent.verbs.flow import run_plan

ROOT = Path(__file__).parents[2] / "dialplans"
DESK, PREMIUM = "sip:sales@pbx.example", "+39899123456"


def example(name: str, **more: Any) -> tuple[FakeCall, Any]:
    plan = load_file(ROOT / f"{name}.yaml")
    call = a_call(answered=False, program=plan.program, expressions=JavaScript(), **more)
    return call, run_plan(call.control("dialplan", plan.policy))


def hang_up(call: FakeCall) -> None:
    call.dialer.legs[0].hang_up_remotely()


def said(call: FakeCall) -> list[str]:
    sounds: Any = call.services.sounds
    return [url for url in sounds.loaded if url.startswith("say:")]


class Caller:
    """A talker that asks for two transfers, as a model would."""

    def __init__(self) -> None:
        self.told: list[str] = []

    async def run(self, port: Any, control: Any) -> TalkEnd | None:
        for target in (PREMIUM, DESK):
            result = await tool_of_verb(VERBS["transfer"]).invoke({"to": target}, control)
            self.told.append(result.text)
        return TalkEnd("done")


@virtual_time
async def test_reception_puts_through_to_sales_and_not_to_a_premium_number(tmp_path: Path) -> None:
    talker = Caller()
    talkers = FakeTalkers({"reception": talker}, frozenset({"transfer"}))
    call, plan = example("reception", talkers=talkers, bundle=tmp_path)
    asyncio.get_running_loop().call_later(30, call.caller.hang_up_remotely)
    await plan
    assert talker.told == [f"{PREMIUM} is not an allowed destination", "connected to sales"]
    assert [dial.target for dial in call.dialer.dialled] == [DESK]
    assert len(call.all(RecordingStarted)) == 1
    await call.close()
    assert [leg.state for leg in call.session.legs] == [LegState.DISCONNECTED] * 2


@virtual_time
async def test_the_menu_tells_the_hours_and_finds_nobody_in_the_workshop() -> None:
    call, plan = example("menu", scripts={"sip:workshop@pbx.example": BUSY})
    loop = asyncio.get_running_loop()
    loop.call_later(1, call.caller.far.press, "1")
    loop.call_later(3, call.caller.far.press, "2")
    await plan
    assert any("nine to five" in url for url in said(call))
    assert said(call)[-1] == "say:Goodbye."
    assert call.session.scope["vars"]["return_value"] == "alone"
    assert call.caller.state is LegState.DISCONNECTED


@virtual_time
async def test_the_hunt_takes_the_mobile_whose_owner_presses_a_key() -> None:
    call, plan = example(
        "hunt",
        scripts={
            "sip:service@pbx.example": NO_ANSWER,
            "tel:+447700900001": Script(answers=1),
            "tel:+447700900002": Script(answers=2),
        },
    )
    loop = asyncio.get_running_loop()

    def press() -> None:
        call.dialer.legs[2].far.press("1")

    loop.call_later(16, press)
    loop.call_later(60, call.caller.hang_up_remotely)
    await plan
    talked = [e.t for e in call.all(LegChanged) if e.state == "disconnected" and e.role == "callee"]
    assert [leg.state for leg in call.dialer.legs] == [LegState.DISCONNECTED] * 3
    # the desk gave up, the other mobile was let go, and one stayed until the caller left
    assert [round(t / 1000) for t in talked] == [11, 16, 60]


@pytest.mark.parametrize(
    ("key", "referred", "dialled"),
    [("1", [], ["sales"]), ("2", ["callee1"], ["service"]), ("3", ["sip:office@pbx.example"], [])],
)
def test_the_three_transfers_reach_their_party(
    key: str, referred: list[str], dialled: list[str]
) -> None:
    @virtual_time
    async def scene() -> None:
        call, plan = example("transfers")
        loop = asyncio.get_running_loop()
        loop.call_later(1, call.caller.far.press, key)

        def accept() -> None:
            for leg in call.dialer.legs:
                leg.far.press("1")

        loop.call_later(4, accept)
        loop.call_later(9, call.caller.hang_up_remotely)
        await plan
        assert call.caller.referred == referred
        assert [dial.target for dial in call.dialer.dialled] == [
            f"sip:{user}@pbx.example" for user in dialled
        ]
        assert not any("Sorry" in url for url in said(call))
        assert {leg.state for leg in call.session.legs} == {LegState.DISCONNECTED}

    scene()


@virtual_time
async def test_a_caller_whom_sales_does_not_take_hears_why() -> None:
    call, plan = example("transfers", scripts={DESK: BUSY})
    asyncio.get_running_loop().call_later(1, call.caller.far.press, "1")
    await plan
    assert said(call)[-1] == "say:Sorry. 486 Busy Here: sales is busy"


@virtual_time
async def test_the_desks_mailbox_does_not_get_the_call_and_the_caller_leaves_a_message(
    tmp_path: Path,
) -> None:
    call, plan = example("voicemail", bundle=tmp_path)
    loop = asyncio.get_running_loop()
    loop.call_later(1, lambda: call.dialer.legs[0].far.talk(4000))
    loop.call_later(6, call.caller.far.talk, 3000)
    await plan
    values = call.session.scope["vars"]
    assert (values["connect_result"], values["connect_status"]) == ("failed", 480)
    assert values["record_result"] == "silence"
    assert said(call)[-1] == "say:Thank you. Goodbye."
    assert [leg.state for leg in call.dialer.legs] == [LegState.DISCONNECTED]


@virtual_time
async def test_a_person_at_the_desk_takes_the_call(tmp_path: Path) -> None:
    call, plan = example("voicemail", bundle=tmp_path)
    loop = asyncio.get_running_loop()
    loop.call_later(1, lambda: call.dialer.legs[0].far.talk(500))
    loop.call_later(4, lambda: call.dialer.legs[0].far.press("1"))
    loop.call_later(30, hang_up, call)
    await plan
    assert call.session.scope["vars"]["connect_result"] == "connected"
    assert "say:A call from the shop." in said(call)
    assert call.caller.state is LegState.DISCONNECTED


@virtual_time
@pytest.mark.parametrize(
    ("caller", "texted", "words"),
    [
        ("sip:+442079460018@pbx.example", ["tel:+442079460018"], "say:It is on its way."),
        ("sip:+39899123456@pbx.example", [], "say:Sorry, we cannot write to your number."),
    ],
)
async def test_the_opening_hours_are_written_to_who_may_have_them(
    caller: str, texted: list[str], words: str
) -> None:
    texts = FakeTexts()
    call, plan = example("text", texts=texts, variables={"call": {"from": caller}})
    asyncio.get_running_loop().call_later(2, call.caller.far.press, "1")
    await plan
    assert [to for to, _, _ in texts.sent] == texted
    assert said(call)[-1] == words
    await call.close()


@pytest.mark.parametrize("plan_name", ["model", "realtime"])
@virtual_time
async def test_when_the_model_fails_the_caller_hears_that_we_are_closed(plan_name: str) -> None:
    class Failing:
        async def run(self, port: Any, control: Any) -> TalkEnd | None:
            return TalkEnd("failed", "closed")

    call, plan = example(plan_name, talkers=FakeTalkers({"reception": Failing()}))
    await plan
    assert said(call) == [
        "say:Sorry, we cannot take your call at the moment. Please call again later."
    ]
    assert [e.section for e in call.all(StepStarted)][-2:] == ["closed", "closed"]
    assert call.caller.state is LegState.DISCONNECTED


@pytest.mark.parametrize(
    ("answer", "last"),
    [
        ("yes please", "say:Your red bicycle is ordered. Goodbye."),
        ("no thank you", "say:Nothing was ordered. Goodbye."),
    ],
)
def test_the_agents_take_an_order_question_by_question(answer: str, last: str) -> None:
    @virtual_time
    async def scene() -> None:
        ears = ScriptedEars("order a bicycle", "red", "no", answer)
        talkers = StagedTalkers(load_file(ROOT / "agents.yaml"), ears, {})
        call, plan = example("agents", talkers=talkers)
        walk = asyncio.ensure_future(plan)
        await asyncio.sleep(3)
        await call.caller.far.speak(400, then_quiet=6000)
        call.caller.far.press("4711#")
        await asyncio.sleep(4)
        call.caller.far.press("1")
        await asyncio.sleep(4)
        for _ in range(3):
            await call.caller.far.speak(400, then_quiet=5000)
        await walk
        assert [(e.before, e.agent) for e in call.all(AgentChanged)] == [("desk", "orders")]
        assert call.session.scope["vars"]["order"] == {
            "customer": "4711",
            "colour": "red",
            "bell": False,
        }
        spoken = [e.text for e in call.all(Said) if e.speaker == "agent"]
        assert spoken[-1] == "A red bicycle for customer 4711. Shall I order it?"
        assert said(call) == [last]

    scene()
