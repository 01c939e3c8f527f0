"""Conferences of real callers, each in a process of its own, mixed in yet another."""

import asyncio
import os
import signal
import time
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from sipagent.config import Limits
from sipagent.events import CallEnded, MeetingChanged
from sipagent.testing.call import PhoneCall
from sipagent.testing.phone import Phone
from sipagent.testing.pitch import LEVEL, assert_all_hear_the_others, strengths
from sipagent.testing.server import Server, running

PLAN = """
routes: [{to: "100"}]
policy: {destinations: ["conference:team"]}
sections:
  main:
    - join_conference: {name: team, beep: false, exit_key: "#"}
    - play: "tone:3000:120"
    - hangup
"""
WITH_AGENT = """
routes: [{to: "200"}]
policy: {destinations: ["conference:team"]}
agents:
  guide:
    greeting: "Welcome to the meeting. We begin in a moment, please be patient until then."
    intents: {bye: {phrases: ["goodbye"], say: "Bye."}}
sections:
  main:
    - answer
    - sleep: 500
    - join_conference: {name: team, beep: false, background: true}
    - ai: {agent: guide}
"""


async def called(stack: AsyncExitStack, server: Server, name: str, number: str) -> PhoneCall:
    phone = await stack.enter_async_context(Phone(user=name))
    call = await phone.dial(server.uri(number))
    await call.wait_answered()
    return call


def met(server: Server) -> int:
    return sum(isinstance(e, MeetingChanged) and e.change == "met" for e in server.events)


def changes(server: Server, change: str) -> int:
    return sum(isinstance(e, MeetingChanged) and e.change == change for e in server.events)


def hears(call: PhoneCall, hertz: float) -> bool:
    """In the last second."""
    pcm = call.stream.heard.pcm(time.perf_counter() - 1.0)
    return strengths(pcm, [hertz])[0] > 0.5 * LEVEL


def mixers_sockets(pid: int) -> int:
    found = 0
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            found += os.readlink(f"/proc/{pid}/fd/{name}").startswith("socket:")
        except OSError:
            continue
    return found


@pytest.mark.slow
@pytest.mark.rfc("5359", "conference of six, mixed by the server")
async def test_six_callers_hear_each_other_until_each_leaves_in_its_own_way(
    tmp_path: Path,
) -> None:
    six = Limits(warm=6)
    async with running(tmp_path, PLAN, limits=six) as server, AsyncExitStack() as stack:
        assert server.gateway.meetings is not None
        names = [f"caller{number}" for number in range(6)]
        calls = await asyncio.gather(*(called(stack, server, name, "100") for name in names))
        await server.wait_for(lambda: met(server) == 6)
        await assert_all_hear_the_others(calls)
        mixer = server.gateway.meetings.desk.mixer
        pid = getattr(mixer, "pid")  # noqa: B009 - the protocol has none
        assert mixers_sockets(pid) >= 6

        # by key: the plan goes on
        await calls[0].press("#")
        await server.wait_for(lambda: changes(server, "over") == 1)
        await server.wait_for(lambda: hears(calls[0], 3000))
        # by hanging up, and by the death of a process; each of its own process, so that the second
        # waits for the first to be told
        await calls[1].hangup()
        await server.wait_for(lambda: any(isinstance(e, CallEnded) for e in server.events))
        victim = server.worker(calls[2].id)
        assert victim.pid is not None
        os.kill(victim.pid, signal.SIGKILL)
        await calls[2].wait_ended()
        await server.wait_for(lambda: server.gateway.meetings.desk.conferences.members("team") == 3)  # type: ignore[union-attr]
        await assert_all_hear_the_others(calls[3:])
        ends = [e.reason for e in server.events if isinstance(e, CallEnded)]
        assert ends == ["the caller hung up", "crashed: signal 9"]
        for call in (calls[0], *calls[3:]):
            await call.hangup()
        await server.idle()
        assert server.gateway.meetings.desk.places == 0
        # the listener, the gateway's keeper, and what asyncio has itself
        await server.wait_for(lambda: mixers_sockets(pid) <= 4)
    assert not Path(f"/proc/{pid}").exists()


@pytest.mark.slow
async def test_a_killed_mixer_is_replaced_under_the_conference(tmp_path: Path) -> None:
    async with running(tmp_path, PLAN) as server, AsyncExitStack() as stack:
        assert server.gateway.meetings is not None
        names = [f"caller{number}" for number in range(3)]
        calls = await asyncio.gather(*(called(stack, server, name, "100") for name in names))
        await server.wait_for(lambda: met(server) == 3)
        await assert_all_hear_the_others(calls)
        os.kill(getattr(server.gateway.meetings.desk.mixer, "pid"), signal.SIGKILL)  # noqa: B009
        await server.wait_for(lambda: changes(server, "lost") == 3)
        await server.wait_for(lambda: changes(server, "remade") == 3)
        await assert_all_hear_the_others(calls)
        assert not any(call.ended.done() for call in calls)
        await asyncio.gather(*(call.hangup() for call in calls))
        await server.idle()
        assert server.gateway.meetings.desk.places == 0


@pytest.mark.slow
async def test_an_agent_is_a_member_whom_all_hear(tmp_path: Path) -> None:
    plans = {"team": PLAN, "guided": WITH_AGENT}
    async with running(tmp_path, plans) as server, AsyncExitStack() as stack:
        listener = await called(stack, server, "listener", "100")
        await server.wait_for(lambda: met(server) == 1)
        host = await called(stack, server, "host", "200")
        await asyncio.gather(listener.wait_for_speech(15), host.wait_for_speech(15))
        await asyncio.gather(host.hangup(), listener.hangup())
        await server.idle()
