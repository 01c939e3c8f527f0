"""Calls between two endpoints: answer, refuse, cancel, hold, keys, transfer, four legs."""

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from sipagent.call.dial import Dial
from sipagent.call.leg import TAKEN, Leg, LegState, Referral
from sipagent.errors import LegFailed
from sipagent.testing.actor import Launch

if TYPE_CHECKING:
    from sipagent.legs.sip import SipLeg
    from sipagent.testing.stage import Stage


def _states(leg: "SipLeg") -> list[str]:
    seen: list[str] = []
    leg.on_change(lambda changed: seen.append(str(changed.state)))
    return seen


async def _answers(stage: "Stage") -> Any:
    leg = await stage.incoming()
    seen = _states(leg)
    await leg.answer(180)
    await leg.answer(200)
    await leg.answer(200)
    await stage.tell("answered")
    await leg.wait(LegState.DISCONNECTED)
    return {"seen": seen, "status": leg.status, "headers": dict(leg.info.headers),
            "remote": leg.info.remote, "call_id": leg.info.sip_call_id,
            "left": len(stage.endpoint.legs)}  # fmt: skip


async def _calls(stage: "Stage", target: str) -> Any:
    headers = {"X-Case": "seven", "P-Asserted-Identity": "<sip:+44123@trunk.example>"}
    leg = await stage.dialer.dial(Dial(target, "+44123", headers))
    first, seen = leg.state, _states(leg)
    await leg.wait(LegState.CONFIRMED)
    await stage.hear()
    await leg.hangup()
    return {"first": first, "seen": seen, "status": leg.status, "call_id": leg.info.sip_call_id}


async def _calls_as_nobody(stage: "Stage", target: str) -> Any:
    nobody = '"Anonymous" <sip:anonymous@anonymous.invalid>'
    leg = await stage.dialer.dial(Dial(target, nobody, {"Privacy": "id"}))
    await leg.wait(LegState.CONFIRMED)
    await stage.hear()
    await leg.hangup()
    return leg.status


async def test_a_caller_can_have_a_whole_identity(launch: Launch) -> None:
    callee = await launch(_answers)
    caller = await launch(_calls_as_nobody, callee.uri)
    assert await callee.hear() == "answered"
    await caller.tell("go on")
    assert await caller.result() == 200
    got = await callee.result()
    assert got["remote"] == "sip:anonymous@anonymous.invalid"
    assert got["headers"]["From"].startswith('"Anonymous" <sip:anonymous@anonymous.invalid>')
    assert got["headers"]["Privacy"] == "id"


async def test_a_call_is_answered_and_ends_with_a_bye(launch: Launch) -> None:
    callee = await launch(_answers)
    caller = await launch(_calls, callee.uri)
    assert await callee.hear() == "answered"
    await caller.tell("go on")
    sent = await caller.result()
    got = await callee.result()
    assert (sent["first"], sent["status"]) == ("calling", 200)
    assert sent["seen"] == got["seen"] == ["early", "confirmed", "disconnected"]
    assert got["status"] == 200
    assert got["headers"]["X-Case"] == "seven"
    assert got["headers"]["P-Asserted-Identity"] == "<sip:+44123@trunk.example>"
    assert got["remote"].startswith("sip:+44123@127.0.0.1")
    assert got["call_id"] == sent["call_id"] != ""
    assert got["left"] == 0


async def _refuses(stage: "Stage", status: int) -> Any:
    leg = await stage.incoming()
    await leg.hangup(status)
    return leg.status


async def _is_refused(stage: "Stage", target: str) -> Any:
    leg = await stage.dialer.dial(Dial(target))
    try:
        await leg.wait(LegState.CONFIRMED)
    except LegFailed as error:
        return [error.status, leg.status, leg.state, len(stage.endpoint.legs)]


async def test_a_refusal_carries_its_status_to_the_caller(launch: Launch) -> None:
    callee = await launch(_refuses, 486)
    caller = await launch(_is_refused, callee.uri)
    assert await caller.result() == [486, 486, "disconnected", 0]
    assert await callee.result() == 486


async def _rings(stage: "Stage") -> Any:
    leg = await stage.incoming()
    await leg.answer(180)
    await leg.wait(LegState.DISCONNECTED)
    return leg.status


async def _gives_up(stage: "Stage", target: str) -> Any:
    leg = await stage.dialer.dial(Dial(target))
    await leg.wait(LegState.EARLY)
    await leg.hangup()
    return [leg.state, leg.status]


async def test_a_caller_who_gives_up_cancels_the_invite(launch: Launch) -> None:
    callee = await launch(_rings)
    caller = await launch(_gives_up, callee.uri)
    assert await caller.result() == ["disconnected", 487]
    assert await callee.result() == 487


async def _nobody(stage: "Stage") -> Any:
    stage.endpoint.on_incoming = None
    await stage.hear()


async def test_a_call_nobody_waits_for_is_unavailable(launch: Launch) -> None:
    callee = await launch(_nobody)
    caller = await launch(_is_refused, callee.uri)
    assert (await caller.result())[0] == 480
    await callee.tell("done")


async def _watches_hold(stage: "Stage") -> Any:
    leg = await stage.incoming()
    seen: list[bool] = []
    leg.on_change(lambda changed: seen.append(changed.on_hold))
    await leg.answer()
    await leg.wait(LegState.DISCONNECTED)
    return seen


async def _holds(stage: "Stage", target: str) -> Any:
    leg = await stage.dialer.dial(Dial(target))
    early = asyncio.create_task(leg.hold())  # asked for before there is anything to hold
    await early
    held = leg.on_hold
    await leg.resume()
    resumed = leg.on_hold
    await asyncio.gather(leg.hold(), leg.resume(), leg.hold())
    again = leg.on_hold
    await leg.hangup()
    return [held, resumed, again]


@pytest.mark.rfc("3264", "hold and resume by us: sendonly, sendrecv")
async def test_hold_waits_for_the_ack_and_the_far_end_knows_of_it(launch: Launch) -> None:
    callee = await launch(_watches_hold)
    caller = await launch(_holds, callee.uri)
    assert await caller.result() == [True, False, True]
    # confirmed, then hold, resume, hold, resume, hold, and the end
    assert await callee.result() == [False, True, False, True, False, True, True]


async def _reads_keys(stage: "Stage") -> Any:
    leg = await stage.incoming()
    first, second = leg.digits(), leg.digits()
    await leg.answer()
    await leg.send_digits("9w#")
    await stage.tell("sent")
    return ["".join([key async for key in first]), "".join([key async for key in second])]


async def _sends_keys(stage: "Stage", target: str) -> Any:
    leg = await stage.dialer.dial(Dial(target))
    keys = leg.digits()
    await leg.wait(LegState.CONFIRMED)
    await leg.send_digits("12w*#dA")
    refused = 0
    try:
        await leg.send_digits("1x")
    except LegFailed as error:
        refused = error.status
    heard = [await anext(keys), await anext(keys)]
    await stage.hear()
    await leg.hangup()
    return [heard, refused]


async def test_keys_reach_every_reader_on_the_other_side(launch: Launch) -> None:
    callee = await launch(_reads_keys)
    caller = await launch(_sends_keys, callee.uri)
    assert await callee.hear() == "sent"
    await caller.tell("hang up")
    assert await caller.result() == [["9", "#"], 400]
    assert await callee.result() == ["12*#DA", "12*#DA"]


async def _answers_all(stage: "Stage", count: int) -> Any:
    legs = [await stage.incoming() for _ in range(count)]
    await asyncio.gather(*(leg.answer() for leg in legs))
    await asyncio.gather(*(leg.wait(LegState.DISCONNECTED) for leg in legs))
    return len(stage.endpoint.legs)


async def _dials_five(stage: "Stage", target: str) -> Any:
    legs = [await stage.dialer.dial(Dial(target)) for _ in range(4)]
    await asyncio.gather(*(leg.wait(LegState.CONFIRMED) for leg in legs))
    fifth = 0
    try:
        await stage.dialer.dial(Dial(target))
    except LegFailed as error:
        fifth = error.status
    await asyncio.gather(*(leg.hangup() for leg in legs))
    return [fifth, [leg.status for leg in legs], len(stage.endpoint.legs)]


async def test_a_conversation_holds_four_legs_and_refuses_the_fifth(launch: Launch) -> None:
    callee = await launch(_answers_all, 4)
    caller = await launch(_dials_five, callee.uri)
    assert await caller.result() == [503, [200, 200, 200, 200], 0]
    assert await callee.result() == 0


async def _dials_wrong(stage: "Stage") -> Any:
    statuses = []
    for target, headers in (
        ("tel:+44123", {}),
        ("sip:a b@host", {}),
        ("sip:a@127.0.0.1:1", {"X-Bad": "a\r\nVia: evil"}),
        ("sip:a@127.0.0.1:1", {"X Bad": "a"}),
        ("sip:a@127.0.0.1:1", {"X-Long": "a" * 5000}),
    ):
        try:
            await stage.dialer.dial(Dial(target, headers=headers))
        except LegFailed as error:
            statuses.append(error.status)
    return [statuses, len(stage.endpoint.legs)]


async def test_what_cannot_be_dialled_is_refused_with_a_status(launch: Launch) -> None:
    actor = await launch(_dials_wrong)
    assert await actor.result() == [[484, 484, 400, 400, 513], 0]


async def _is_referred(stage: "Stage", status: int) -> Any:
    leg = await stage.incoming()
    asked: list[str] = []

    def judge(_: Leg, referral: Referral) -> int:
        asked.append(referral.target)
        return status

    if status:
        leg.on_refer(judge)
    await leg.answer()
    await leg.wait(LegState.DISCONNECTED)
    return [asked, len(stage.endpoint.legs)]


async def _refers(stage: "Stage", target: str, third: str) -> Any:
    leg = await stage.dialer.dial(Dial(target))
    await leg.wait(LegState.CONFIRMED)
    outcome = await leg.refer(third, timeout=10.0)
    await leg.hangup()
    return [outcome.status, outcome.refused]


@pytest.mark.rfc("3515", "REFER from a far end: declined unless somebody judges it")
@pytest.mark.parametrize(("status", "told"), [(0, 603), (403, 403), (202, TAKEN)])
async def test_a_refer_to_us_gets_what_its_judge_says(
    launch: Launch, status: int, told: int
) -> None:
    third = "sip:anybody@127.0.0.1:1"
    callee = await launch(_is_referred, status)
    caller = await launch(_refers, callee.uri, third)
    # without an edge our way of saying 202 is on the wire, and no call was placed natively
    assert await caller.result() == [told, True]
    assert await callee.result() == [[third] if status else [], 0]
