"""Real calls that are parked and retrieved, and that wait in a queue for real phones."""

import os
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from sipagent.config import Queue
from sipagent.events import MeetingChanged
from sipagent.testing.call import PhoneCall
from sipagent.testing.phone import OnCall, Phone, answer_after, refuse_with
from sipagent.testing.pitch import assert_all_hear_the_others
from sipagent.testing.server import Server, running

PARK = """
routes: [{to: "100"}]
policy: {destinations: ["park:*"]}
sections:
  main:
    - park: {slot: 705, timeout: 60}
    - hangup: {status: 480}
"""
RETRIEVE = """
routes: [{to: "7XX"}]
policy: {destinations: ["park:*"]}
sections:
  main:
    - retrieve: {slot: "${call.to}"}
    - hangup: {status: 404}
"""
ENTER = """
routes: [{to: "200"}]
policy: {destinations: ["queue:support"]}
sections:
  main:
    - enter_queue: {queue_name: support, announce_every: 0, exit_key: "*"}
    - hangup
"""
SERVE = """
routes: [{to: "300"}]
policy: {destinations: ["queue:support"]}
sections:
  main:
    - answer
    - label: next
    - serve_queue: support
    - goto: next
"""


async def dialled(stack: AsyncExitStack, server: Server, name: str, number: str) -> PhoneCall:
    phone = await stack.enter_async_context(Phone(user=name))
    call = await phone.dial(server.uri(number))
    await call.wait_answered()
    return call


def happened(server: Server, place: str, change: str) -> Callable[[], bool]:
    return lambda: count(server, place, change) > 0


def count(server: Server, place: str, change: str) -> int:
    return sum(
        isinstance(e, MeetingChanged) and (e.place, e.change) == (place, change)
        for e in server.events
    )


@pytest.mark.slow
@pytest.mark.rfc("5359", "call park and retrieval, kept by the server")
async def test_a_parked_caller_is_retrieved_from_another_phone(tmp_path: Path) -> None:
    plans = {"park": PARK, "retrieve": RETRIEVE}
    async with running(tmp_path, plans) as server, AsyncExitStack() as stack:
        assert server.gateway.meetings is not None
        alice = await dialled(stack, server, "alice", "100")
        await server.wait_for(happened(server, "parking", "waiting"))
        await alice.wait_for_speech(10)  # music
        empty = await (await stack.enter_async_context(Phone())).dial(server.uri("706"))
        assert (await empty.wait_ended()).status == 404
        desk = await dialled(stack, server, "desk", "705")
        await server.wait_for(lambda: count(server, "parking", "met") == 2)
        await assert_all_hear_the_others([alice, desk])
        await desk.hangup()
        assert (await alice.wait_ended()).by == "remote"  # the plan's hangup
        await server.idle()
        assert server.gateway.meetings.desk.places == 0
        bundle = await server.bundle(
            next(e.call_id for e in server.events if isinstance(e, MeetingChanged))
        )
        (transfer,) = bundle.cdr.transfers
        assert (transfer.verb, transfer.target, transfer.ok) == ("park", "desk", True)


async def member(stack: AsyncExitStack, name: str, on_call: OnCall) -> Phone:
    phone = await stack.enter_async_context(Phone(user=name))
    phone.on_call = on_call
    return phone


@pytest.mark.slow
async def test_a_queue_rings_its_members_in_turn_for_callers_in_order(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        busy = await member(stack, "busy", refuse_with(486))
        free = await member(stack, "free", answer_after(0.3))
        queues: Any = {"support": Queue(members=(busy.uri, free.uri), strategy="round-robin")}
        server = await stack.enter_async_context(running(tmp_path, ENTER, queues=queues))
        assert server.gateway.meetings is not None
        first = await dialled(stack, server, "first", "200")
        answered = await free.wait_call()
        await answered.wait_answered()
        second = await dialled(stack, server, "second", "200")
        third = await dialled(stack, server, "third", "200")
        await assert_all_hear_the_others([first, answered])
        # for the first; and for the second, who goes on waiting
        await server.wait_for(lambda: len(busy.calls) >= 2)
        await server.wait_for(lambda: server.gateway.meetings.desk.queues.size("support") == 2)  # type: ignore[union-attr]
        assert len(busy.calls) == 2
        # one leaves by the death of its process: the queue is not held up by it
        victim = server.worker(second.id)
        assert victim.pid is not None
        os.kill(victim.pid, signal.SIGKILL)
        await second.wait_ended()
        await server.wait_for(lambda: server.gateway.meetings.desk.queues.size("support") == 1)  # type: ignore[union-attr]
        await answered.hangup()
        await first.wait_ended()
        await (await free.wait_call(2)).wait_answered()
        await assert_all_hear_the_others([third, free.calls[1]])
        await third.hangup()
        await free.calls[1].wait_ended()
        await server.idle()
        assert server.gateway.meetings.desk.places == 0
        assert all(call.ended.done() for phone in (busy, free) for call in phone.calls)


@pytest.mark.slow
async def test_a_person_calls_in_to_serve_a_queue_caller_by_caller(tmp_path: Path) -> None:
    plans = {"enter": ENTER, "serve": SERVE}
    async with running(tmp_path, plans) as server, AsyncExitStack() as stack:
        assert server.gateway.meetings is not None
        first = await dialled(stack, server, "first", "200")
        await server.wait_for(happened(server, "queue", "standing"))
        second = await dialled(stack, server, "second", "200")
        await server.wait_for(lambda: server.gateway.meetings.desk.queues.size("support") == 2)  # type: ignore[union-attr]
        agent = await dialled(stack, server, "agent", "300")
        await server.wait_for(lambda: count(server, "queue", "met") == 2)
        await assert_all_hear_the_others([first, agent])
        await first.hangup()
        await server.wait_for(lambda: count(server, "queue", "met") == 4)
        await assert_all_hear_the_others([second, agent])
        await second.press("*")  # only leaves while waiting
        await agent.hangup()
        assert (await second.wait_ended()).by == "remote"
        await server.idle()
        assert server.gateway.meetings.desk.places == 0
