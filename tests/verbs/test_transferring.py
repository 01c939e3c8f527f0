"""Transfers in virtual time: every way and ending, in words; far ends that refer are judged."""

import asyncio
from typing import Any

import pytest
from pydantic import ValidationError

from sipagent.call.leg import LegState, ReferOutcome
from sipagent.call.policy import Policy
from sipagent.call.services import Heard
from sipagent.call.verb import Outcome
from sipagent.errors import LegFailed, ProviderError
from sipagent.events import PolicyDecided, Warned
from sipagent.testing.fakes import (
    BUSY,
    NO_ANSWER,
    FakeCall,
    FakeHearing,
    FakeLeg,
    FakeSounds,
    Script,
    a_call,
)
from sipagent.testing.virtual import virtual_time
from sipagent.verbs import VERBS
from sipagent.verbs.handing import Referee

SALES, HELP = "sip:sales@pbx.example", "sip:help@pbx.example"
REFUSED = ReferOutcome(405, "Method Not Allowed", refused=True)
ALL = Policy(destinations=("*",), referrals=frozenset({"caller", "callee"}))


def later(seconds: float, action: Any, *arguments: Any) -> None:
    asyncio.get_running_loop().call_later(seconds, action, *arguments)


async def transfer(call: FakeCall, by: str = "model", **arguments: Any) -> Outcome:
    verb = VERBS["transfer"].model_validate({"to": SALES, **arguments})
    return await call.control(by).do(verb)


def with_agent(call: FakeCall) -> None:
    port = call.bridge.open_port("agent")
    call.session.agent = port
    call.session.room.join(port)


def press(call: FakeCall, key: str) -> None:
    call.dialer.legs[0].far.press(key)


def hang_up(call: FakeCall) -> None:
    call.dialer.legs[0].hang_up_remotely()


def all_over(call: FakeCall) -> bool:
    return all(leg.state is LegState.DISCONNECTED for leg in call.dialer.legs)


def test_a_transfer_that_makes_no_sense_is_refused_when_read() -> None:
    for wrong in (
        {"mode": "refer", "brief": "x"},
        {"mode": "bridge", "brief": "x"},
        {"accept": "12", "refuse": "2"},
        {"mode": "blind"},
    ):
        with pytest.raises(ValidationError):
            VERBS["transfer"].model_validate({"to": SALES, **wrong})


# REFER.


@pytest.mark.parametrize("fallback", ["bridge", None])
def test_a_refer_that_is_not_taken_is_bridged_only_where_the_plan_says_so(
    fallback: str | None,
) -> None:
    @virtual_time
    async def scene() -> None:
        call = a_call()
        with_agent(call)
        call.caller.refer_outcome = REFUSED
        outcome = await transfer(call, mode="refer", fallback=fallback)
        assert call.caller.referred == [SALES]
        if fallback:
            assert (outcome.ok, outcome.detail) == (True, "connected to sales")
            assert call.session.other is call.dialer.legs[0]
        else:
            told = "405 Method Not Allowed: the caller's side did not transfer"
            assert (outcome.ok, outcome.status, outcome.detail) == (False, 405, told)
            assert call.dialer.legs == []
            assert call.session.agent in call.session.room.members

    scene()


@virtual_time
async def test_a_target_that_did_not_answer_a_referred_call_is_not_called_again() -> None:
    call = a_call()
    call.caller.refer_outcome = ReferOutcome(486, "Busy Here")
    outcome = await transfer(call, mode="refer", fallback="bridge")
    assert (outcome.ok, outcome.detail) == (False, "486 Busy Here: sales is busy")
    assert call.dialer.legs == []


# Attended.


@virtual_time
async def test_an_attended_transfer_names_our_own_leg_to_the_target() -> None:
    call = a_call()
    with_agent(call)
    outcome = await transfer(call, mode="attended")
    assert (outcome.ok, outcome.ends_talk) == (True, True)
    assert outcome.detail == "the caller was transferred to sales"
    assert call.caller.referred == ["callee1"]
    assert all_over(call)
    assert call.caller.state is LegState.DISCONNECTED


@pytest.mark.parametrize(("fallback", "bridged"), [(None, True), ("none", False)])
def test_an_attended_transfer_that_is_not_taken(fallback: str | None, bridged: bool) -> None:
    @virtual_time
    async def scene() -> None:
        call = a_call()
        with_agent(call)
        call.caller.refer_outcome = REFUSED
        outcome = await transfer(call, mode="attended", fallback=fallback)
        assert outcome.ok is bridged
        assert (call.session.other is not None) is bridged
        assert all_over(call) is not bridged

    scene()


@virtual_time
async def test_an_attended_transfer_that_fails_later_leaves_nobody_on_the_line() -> None:
    call = a_call()
    with_agent(call)
    call.caller.refer_outcome = ReferOutcome(481, "Call/Transaction Does Not Exist")
    outcome = await transfer(call, mode="attended")
    assert (outcome.ok, outcome.status) == (False, 481)
    assert all_over(call)
    assert call.session.room.members == [call.caller, call.session.agent]


@pytest.mark.parametrize("mode", ["refer", "attended"])
def test_a_caller_who_left_before_the_refer_was_sent_is_said_to_have_left(
    mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    @virtual_time
    async def scene() -> None:
        call = a_call()

        async def leaves(*_: Any, **__: Any) -> ReferOutcome:
            call.caller.hang_up_remotely()
            raise LegFailed(200, "Normal call clearing")

        monkeypatch.setattr(call.caller, "refer", leaves)
        outcome = await transfer(call, mode=mode)
        assert (outcome.ok, outcome.status) == (False, 487)
        assert outcome.detail == "the caller hung up"
        assert all_over(call)

    scene()


# Warm.


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("1", "connected to sales"),
        ("2", "603 Decline: sales answered and did not take the call"),
        ("9", "480 Temporarily Unavailable: sales answered and did not decide in time"),
        ("yes", "connected to sales"),
        ("Yes please.", "connected to sales"),
        ("no", "603 Decline: sales answered and did not take the call"),
        ("banana", "480 Temporarily Unavailable: sales answered and did not decide in time"),
    ],
)
def test_whoever_is_briefed_decides_by_key_or_voice(answer: str, told: str) -> None:
    @virtual_time
    async def scene() -> None:
        voice = answer not in "129"
        hearing = FakeHearing(*[Heard(answer, 0.9)] if voice else [], takes=2)
        call = a_call(hearing=hearing)
        with_agent(call)
        if not voice:
            later(1.5, press, call, answer)
        outcome = await transfer(call, brief="About an order.")
        assert outcome.detail == told
        assert outcome.ok is (call.session.other is not None)
        assert outcome.ok is not all_over(call)
        said = call.services.sounds.loaded  # type: ignore[attr-defined]
        brief = next(url for url in said if url.startswith("say:"))
        assert brief == (
            "say:About an order. Press 1 or say yes to take the call, 2 or no to refuse it."
        )

    scene()


@virtual_time
async def test_a_hello_that_sounds_like_a_no_decides_nothing() -> None:
    call = a_call(hearing=FakeHearing(Heard("no", 0.62), Heard("yes", 0.74), takes=1))
    with_agent(call)
    assert (await transfer(call, brief="x")).ok


@virtual_time
async def test_the_caller_hears_none_of_the_brief_and_music_instead() -> None:
    call = a_call()
    with_agent(call)
    later(5, press, call, "1")
    asking = asyncio.ensure_future(transfer(call, brief="a b c d", hold_music="music.wav"))
    await asyncio.sleep(0.9)
    assert call.session.room.members[0] is call.caller
    assert call.dialer.legs[0] not in call.session.room.members
    assert call.session.agent not in call.session.room.members
    assert (await asking).ok
    assert "music.wav" in call.services.sounds.loaded  # type: ignore[attr-defined]
    assert any(frame.pcm.strip(b"\0") for frame in call.dialer.legs[0].far.heard)


@pytest.mark.parametrize("moment", [0.3, 0.6, 1.0, 3.0, 12.0])
def test_nobody_is_left_when_the_caller_leaves_a_warm_transfer(moment: float) -> None:
    @virtual_time
    async def scene() -> None:
        call = a_call()
        with_agent(call)
        later(moment, call.caller.hang_up_remotely)
        outcome = await transfer(call, brief="x")
        assert (outcome.ok, outcome.status) == (False, 487)
        await asyncio.sleep(3)
        assert all_over(call)

    scene()


@virtual_time
async def test_whoever_is_briefed_and_hangs_up_has_not_taken_the_call() -> None:
    call = a_call()
    with_agent(call)
    later(1.5, hang_up, call)
    outcome = await transfer(call, mode="warm")
    assert outcome.detail == "487 Request Terminated: sales answered and hung up"
    assert call.session.agent in call.session.room.members


class _Deaf:
    async def hear(self, port: Any, **options: Any) -> Heard | None:
        raise ProviderError("ears", "broken")


@virtual_time
async def test_keys_do_where_there_are_no_ears_and_no_brief_can_be_said() -> None:
    speech = "say:x Press 1 or say yes to take the call, 2 or no to refuse it."
    call = a_call(hearing=_Deaf(), sounds=FakeSounds(missing=(speech,)))
    with_agent(call)
    later(1.5, press, call, "1")
    assert (await transfer(call, brief="x")).ok
    warned = [event.detail for event in call.all(Warned) if event.code == "consultation"]
    assert len(warned) == 2


# Far ends that refer.


async def bridged(call: FakeCall, *policies: Policy) -> FakeLeg:
    """The caller was put through to sales."""
    call.session.referee = Referee(call.session, policies or (ALL,)).refer
    with_agent(call)
    assert (await transfer(call)).ok
    return call.dialer.legs[0]


@virtual_time
async def test_a_callee_that_refers_is_replaced_and_told_so() -> None:
    call = a_call()
    sales = await bridged(call)
    assert sales.refer_remotely(HELP) == 202
    await asyncio.sleep(1)
    new = call.dialer.legs[1]
    assert sales.reported == [(100, False), (200, True)]
    assert call.session.other is new
    assert call.session.room.members == [call.caller, new]
    headers = call.dialer.dialled[1].headers
    assert headers == {"Referred-By": f"<{SALES}>"}
    await asyncio.sleep(5)
    assert sales.state is LegState.DISCONNECTED
    assert new.state is LegState.CONFIRMED
    new.hang_up_remotely()
    await asyncio.sleep(0.1)
    assert call.session.other is None


@pytest.mark.parametrize(("script", "status"), [(BUSY, 486), (NO_ANSWER, 408)])
def test_a_failed_referral_leaves_things_as_they_were(script: Script, status: int) -> None:
    @virtual_time
    async def scene() -> None:
        call = a_call(scripts={HELP: script})
        sales = await bridged(call)
        assert sales.refer_remotely(HELP) == 202
        assert sales.refer_remotely(HELP) == 491  # one at a time
        await asyncio.sleep(61)
        assert sales.reported == [(100, False), (status, True)]
        assert call.session.other is sales
        assert sales.state is LegState.CONFIRMED
        assert call.dialer.legs[1].state is LegState.DISCONNECTED

    scene()


@virtual_time
async def test_the_caller_stays_while_a_callee_that_left_is_being_replaced() -> None:
    call = a_call(scripts={HELP: Script(answers=5)})
    sales = await bridged(call)
    sales.refer_remotely(HELP)
    later(1, sales.hang_up_remotely)
    await asyncio.sleep(3)
    assert call.session.other is sales
    await asyncio.sleep(3)
    assert call.session.other is call.dialer.legs[1]
    assert call.session.room.members == [call.caller, call.dialer.legs[1]]


@virtual_time
async def test_a_callee_that_left_and_was_not_replaced_is_gone() -> None:
    call = a_call(scripts={HELP: Script(answers=5, status=486)})
    sales = await bridged(call)
    sales.refer_remotely(HELP)
    later(1, sales.hang_up_remotely)
    await asyncio.sleep(7)
    assert call.session.other is None
    assert all_over(call)


@virtual_time
async def test_a_caller_that_refers_is_replaced() -> None:
    call = a_call()
    sales = await bridged(call)
    assert call.caller.refer_remotely(HELP) == 202
    await asyncio.sleep(5)
    new = call.dialer.legs[1]
    assert call.session.caller is new
    assert call.caller.state is LegState.DISCONNECTED
    assert set(call.session.room.members) == {sales, new}
    new.far.press("7")
    await asyncio.sleep(0.1)
    assert call.session.keys.take() == "7"
    new.hang_up_remotely()
    await asyncio.sleep(0.1)
    assert sales.state is LegState.DISCONNECTED


@pytest.mark.parametrize(
    ("policies", "target", "status"),
    [
        ((ALL,), HELP, 202),
        ((Policy(destinations=("*",)),), HELP, 403),
        ((ALL, Policy(destinations=("*",))), HELP, 403),
        ((Policy(destinations=("*",), referrals=frozenset({"caller"})),), HELP, 403),
        ((ALL.model_copy(update={"destinations": (SALES,)}),), HELP, 403),
        ((ALL.model_copy(update={"limits": {"referred_to": 0}}),), HELP, 403),
        ((ALL,), "no such thing", 416),
    ],
)
def test_a_referral_is_held_to_every_policy(
    policies: tuple[Policy, ...], target: str, status: int
) -> None:
    @virtual_time
    async def scene() -> None:
        call = a_call()
        sales = await bridged(call, *policies)
        assert sales.refer_remotely(target) == status
        await asyncio.sleep(1)
        assert len(call.dialer.legs) == (2 if status == 202 else 1)
        judged = [event for event in call.all(PolicyDecided) if event.verb == "referred_to"]
        assert [(e.by, e.allowed) for e in judged] == (
            [("callee", status == 202)] if status != 416 else []
        )

    scene()
