"""Peers as the field has them, played by SIPp: late offers, challenges, refusals, silence."""

from typing import TYPE_CHECKING, Any

import pytest

from sipagent.call.dial import Dial
from sipagent.call.leg import LegState
from sipagent.errors import LegFailed
from sipagent.testing.actor import Launch

if TYPE_CHECKING:
    from sipagent.testing.stage import Stage
    from tests.legs.conftest import StartSipp

pytestmark = pytest.mark.peer


async def _takes(stage: "Stage", count: int) -> Any:
    statuses = []
    for _ in range(count):
        leg = await stage.incoming()
        keys = leg.digits()
        await leg.answer()
        await leg.wait(LegState.DISCONNECTED)
        statuses.append([leg.status, "".join([key async for key in keys])])
    return statuses


@pytest.mark.rfc("3264", "late offer: an INVITE without SDP is answered by our offer")
async def test_an_invite_without_sdp_is_answered_with_our_offer(
    launch: Launch, sipp: "StartSipp"
) -> None:
    callee = await launch(_takes, 1)
    caller = await sipp("late_offer.xml", target=callee.address)
    assert (await caller.wait()).ok
    assert await callee.result() == [[200, ""]]


@pytest.mark.rfc("6086", "keys as INFO received, application/dtmf-relay")
async def test_keys_by_info_are_read_like_any_others(launch: Launch, sipp: "StartSipp") -> None:
    callee = await launch(_takes, 1)
    caller = await sipp("info_keys.xml", target=callee.address)
    assert (await caller.wait()).ok
    assert await callee.result() == [[200, "5#"]]


async def _refuses_then_takes(stage: "Stage") -> Any:
    first = await stage.incoming()
    await first.hangup(486)
    return [first.status, await _takes(stage, 1)]


async def test_a_refused_invite_without_sdp_leaves_the_process_alive(
    launch: Launch, sipp: "StartSipp"
) -> None:
    callee = await launch(_refuses_then_takes)
    caller = await sipp("late_offer_refused.xml", target=callee.address)
    assert (await caller.wait()).ok
    again = await sipp("late_offer.xml", target=callee.address)
    assert (await again.wait()).ok
    assert await callee.result() == [486, [[200, ""]]]


async def test_an_offer_we_cannot_speak_gets_488_and_the_next_call_works(
    launch: Launch, sipp: "StartSipp"
) -> None:
    callee = await launch(_takes, 1)
    caller = await sipp("no_codec.xml", target=callee.address)
    assert (await caller.wait()).ok
    again = await sipp("late_offer.xml", target=callee.address)
    assert (await again.wait()).ok
    assert await callee.result() == [[200, ""]]


async def _dials(stage: "Stage", target: str, username: str | None) -> Any:
    credentials = (username, "secret") if username else None
    leg = await stage.dialer.dial(Dial(target, credentials=credentials))
    try:
        await leg.wait(LegState.CONFIRMED)
    except LegFailed as error:
        return error.status
    await leg.hangup()
    return leg.status


async def test_a_trunk_that_wants_credentials_gets_them(launch: Launch, sipp: "StartSipp") -> None:
    trunk = await sipp("challenge.xml")
    caller = await launch(_dials, trunk.uri, "alice")
    assert await caller.result() == 200
    assert (await trunk.wait()).ok


async def test_without_credentials_a_challenge_is_the_end(
    launch: Launch, sipp: "StartSipp"
) -> None:
    trunk = await sipp("challenge.xml")
    caller = await launch(_dials, trunk.uri, None)
    assert await caller.result() == 401


async def test_a_redirect_is_told_and_not_followed(launch: Launch, sipp: "StartSipp") -> None:
    callee = await sipp("redirect.xml")
    caller = await launch(_dials, callee.uri, None)
    assert await caller.result() == 302
    assert (await callee.wait()).ok


async def _holds(stage: "Stage", target: str) -> Any:
    leg = await stage.dialer.dial(Dial(target))
    status = 0
    try:
        await leg.hold()
    except LegFailed as error:
        status = error.status
    held = leg.on_hold
    await leg.hangup()
    return [status, held, leg.status]


async def test_a_hold_the_far_end_refuses_fails_with_its_status(
    launch: Launch, sipp: "StartSipp"
) -> None:
    callee = await sipp("hold_refused.xml")
    caller = await launch(_holds, callee.uri)
    assert await caller.result() == [488, False, 200]
    assert (await callee.wait()).ok


async def _refers(stage: "Stage", target: str) -> Any:
    leg = await stage.dialer.dial(Dial(target))
    await leg.wait(LegState.CONFIRMED)
    outcome = await leg.refer("sip:third@127.0.0.1:1", timeout=0.5)
    await leg.hangup()
    return [outcome.status, leg.status]


async def test_a_transfer_nobody_reports_on_times_out_as_408(
    launch: Launch, sipp: "StartSipp"
) -> None:
    callee = await sipp("refer_unreported.xml")
    caller = await launch(_refers, callee.uri)
    assert await caller.result() == [408, 200]
    assert (await callee.wait()).ok


async def test_a_bye_nobody_answers_ends_the_leg_all_the_same(
    launch: Launch, sipp: "StartSipp"
) -> None:
    callee = await sipp("dead.xml")
    caller = await launch(_dials, callee.uri, None)
    assert await caller.result() == 200


async def _dials_through_edge(stage: "Stage") -> Any:
    leg = await stage.dialer.dial(Dial("sip:bob@example.net", "+44"))
    await leg.wait(LegState.CONFIRMED)
    await leg.hangup()
    return leg.status


async def test_a_worker_reaches_the_world_through_the_edge_alone(
    launch: Launch, sipp: "StartSipp"
) -> None:
    edge = await sipp("through_edge.xml")
    caller = await launch(_dials_through_edge, internal=edge.address, public=("192.0.2.1", 5070))
    assert await caller.result() == 200
    assert (await edge.wait()).ok
