"""enter_queue and serve_queue, on calls that meet at a real desk."""

import asyncio
from typing import Any

import pytest

from sipagent.call.leg import LegState
from sipagent.call.meeting import Standing
from sipagent.call.policy import Policy
from sipagent.call.verb import Leave
from sipagent.testing.meeting import House, dialled, do, values
from sipagent.testing.plans import program
from sipagent.testing.queued import A, house_of, serving, waiting
from sipagent.testing.virtual import virtual_time
from sipagent.verbs import VERBS
from sipagent.verbs.flow import run_plan
from sipagent.verbs.queueing import words


@virtual_time
async def test_who_waits_longest_is_served_first_and_both_hear_each_other() -> None:
    house = House()
    first, _ = await waiting(house, "first", announce_every=0)
    second, _ = await waiting(house, "second", announce_every=0)
    assert any(first.caller.far.heard_pcm())  # music
    assert (values(second)["queue_position"], values(second)["queue_size"]) == (2, 2)
    agent, work = serving(house, "agent")
    await asyncio.sleep(0.3)
    assert (values(first)["queue_result"], values(second)["queue_result"]) == (
        "connected", "failed",
    )  # fmt: skip
    assert values(second)["queue_position"] == 1
    since = agent.bridge.clock.t
    first.caller.far.talk(200)
    await asyncio.sleep(0.5)
    assert any(agent.caller.far.heard_pcm(since))
    first.caller.hang_up_remotely()
    outcome = await work
    assert (outcome.ok, outcome.detail) == (True, "was with first: the other party left")
    assert agent.caller.state is LegState.CONFIRMED
    work = do(agent, "serve_queue", queue_name="support")
    await asyncio.sleep(0.3)
    assert values(second)["queue_result"] == "connected"
    await house.close()
    assert house.desk.places == 0
    assert house.mixer.links == []


@virtual_time
async def test_an_agent_who_comes_first_waits_for_the_next_caller() -> None:
    house = House()
    agent, work = serving(house, "agent")
    await asyncio.sleep(5)
    _, caller_work = await waiting(house, "caller")
    await asyncio.sleep(1)
    agent.caller.hang_up_remotely()
    outcome = await caller_work
    assert (outcome.ok, outcome.detail) == (True, "was with agent after 0 seconds in the queue")
    assert (await work).status == 487
    await house.close()


@virtual_time
async def test_an_agent_may_go_before_anybody_comes() -> None:
    house = House()
    agent, work = serving(house, "agent", exit_key="#")
    await asyncio.sleep(5)
    agent.caller.far.press("#")
    assert (await work).detail == "nobody waits in the queue support"
    assert values(agent)["serve_result"] == "left"
    _, work = serving(house, "impatient", wait_time=3)
    assert not (await work).ok
    await asyncio.sleep(0.1)
    assert house.desk.places == 0


@pytest.mark.swml("verb", "enter_queue", "waits with position and music; an exit key")
@virtual_time
async def test_whoever_gives_up_leaves_the_queue_at_once_and_the_others_move_up() -> None:
    house = House()
    first, _ = await waiting(house, "first")
    second, second_work = await waiting(house, "second", exit_key="9")
    third, _ = await waiting(house, "third")
    first.caller.hang_up_remotely()
    await asyncio.sleep(0.05)
    assert [values(c)["queue_position"] for c in (second, third)] == [1, 2]
    second.caller.far.press("9")
    outcome = await second_work
    assert (outcome.ok, outcome.detail) == (False, "the caller left the queue")
    assert values(second)["queue_result"] == "left"
    await asyncio.sleep(0.05)
    assert values(third)["queue_position"] == 1
    assert house.desk.queues.size("support") == 1
    await house.close()


@virtual_time
async def test_nobody_free_in_time_comes_back_to_the_plan() -> None:
    house = House()
    text = """
- enter_queue: {queue_name: support, wait_time: 30}
- set: {r: "${queue_result}", waited: "${queue_wait}"}
"""
    call = house.call("caller", program=program(text))
    await run_plan(call.control())
    assert (values(call)["r"], values(call)["waited"]) == ("timeout", pytest.approx(30, abs=0.3))
    await asyncio.sleep(0.1)
    assert house.desk.places == 0


@virtual_time
async def test_a_full_queue_refuses() -> None:
    house = house_of("ring-all", max_size=1)
    await waiting(house, "first")
    second, work = await waiting(house, "second")
    outcome = await work
    assert (outcome.status, outcome.detail) == (486, "the queue support is full")
    assert values(second)["queue_failed_reason"] == "the queue support is full"
    await house.close()


@virtual_time
async def test_callers_are_told_where_they_stand_and_for_how_long() -> None:
    house = House()
    first, _ = await waiting(house, "first")
    second, _ = await waiting(house, "second", announce_every=30)
    await asyncio.sleep(40)
    sounds: Any = second.services.sounds
    assert [u for u in sounds.loaded if u.startswith("say:")] == ["say:You are number 2."]
    serving(house, "agent")
    await asyncio.sleep(31)
    # one was taken after 40 seconds, so that is what the next is told
    said = [u for u in sounds.loaded if u.startswith("say:")]
    assert said[-1] == "say:You are next. It will take about 1 minute."
    assert first.caller.state is LegState.CONFIRMED
    await house.close()


@pytest.mark.parametrize(
    ("standing", "said"),
    [
        (Standing(position=1, size=3), "You are next."),
        (Standing(position=4, size=4, seconds=10), "You are number 4."),
        (
            Standing(position=2, size=4, seconds=170),
            "You are number 2. It will take about 3 minutes.",
        ),
    ],
)
def test_a_place_in_words(standing: Standing, said: str) -> None:
    assert words(standing) == said


@virtual_time
async def test_a_section_follows_once_the_caller_was_served() -> None:
    house = House()
    _, work = await waiting(house, "caller", transfer_after_bridge="survey")
    agent, _ = serving(house, "agent")
    await asyncio.sleep(1)
    agent.caller.hang_up_remotely()
    assert (await work).flow == Leave("survey")
    await house.close()


@virtual_time
async def test_connect_to_a_queue_serves_it() -> None:
    house = House()
    agent = house.call("agent")
    outcome = await do(agent, "connect", to="queue:support", timeout=5)
    assert (outcome.ok, outcome.status) == (False, 480)
    assert values(agent)["connect_result"] == "failed"
    caller, _ = await waiting(house, "caller")
    work = do(agent, "connect", to="queue:support")
    await asyncio.sleep(1)
    caller.caller.hang_up_remotely()
    assert (await work).ok
    assert values(agent)["connect_result"] == "connected"
    assert agent.dialer.dialled == []
    await house.close()


@virtual_time
async def test_the_policy_names_the_queue_and_not_its_members() -> None:
    house = house_of("ring-all", A)
    call = house.call("caller")
    verb = VERBS["enter_queue"].model_validate({"queue_name": "support"})
    assert (await call.control("model", Policy()).do(verb)).status == 403
    allowed = Policy(destinations=("queue:support",))
    work = asyncio.ensure_future(call.control("model", allowed).do(verb))
    await asyncio.sleep(1)
    assert dialled(call) == [A]
    await house.close()
    await work


@virtual_time
async def test_a_new_gateway_keeps_the_order_of_those_who_wait_and_those_who_talk() -> None:
    house = House()
    first, _ = await waiting(house, "first")
    second, _ = await waiting(house, "second")
    third, third_work = await waiting(house, "third")
    agent, work = serving(house, "agent")
    await asyncio.sleep(1)
    house.restart()
    await asyncio.sleep(0.1)
    assert [values(c)["queue_position"] for c in (second, third)] == [1, 2]
    first.caller.hang_up_remotely()
    assert (await work).detail == "was with first: the other party left"
    do(agent, "serve_queue", queue_name="support")
    await asyncio.sleep(0.5)
    assert values(second)["queue_result"] == "connected"
    assert not third_work.done()
    await house.close()
    assert house.desk.places == 0
