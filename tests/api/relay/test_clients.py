"""SignalWire's own RELAY client, unmodified, drives real calls."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import signalwire
from signalwire.relay import RelayClient

from sipagent.call.policy import Policy
from sipagent.config import Api, Trunk
from sipagent.events import DigitReceived, DriveChanged, LegChanged, StepStarted, VerbDone
from sipagent.testing.phone import Phone
from sipagent.testing.server import Server, running
from sipagent.testing.sounding import dial, the

from .party import TOKEN, environment, settings

EXAMPLES = Path(signalwire.__file__).parent / "_docs" / "relay" / "examples"
PLAN = """
routes: [{to: "400"}]
policy: {destinations: ["*"]}
sections:
  main:
    - relay: {context: default, timeout: 20}
    - play: "silence:0.1"
    - hangup: {status: 480}
  office: [{play: "silence:0.1"}, hangup]
"""
OUT = """
policy: {destinations: ["*"]}
sections: {main: [{relay: {context: default}}]}
"""
NOBODY = """
routes: [{to: "401"}]
sections:
  main:
    - relay: {context: empty, timeout: 0.2}
    - hangup: {status: 480}
"""


@asynccontextmanager
async def example(server: Server, folder: Path, name: str) -> AsyncIterator[None]:
    """A published example runs, as it is."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        EXAMPLES / name,
        env=environment(folder, server.gateway.relay.port),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


def verbs(server: Server, call_id: str) -> list[str]:
    """What was done to a call from outside."""
    return [
        event.verb
        for event in server.events
        if isinstance(event, VerbDone) and event.call_id == call_id and event.by == "relay:p"
    ]


@pytest.mark.slow
async def test_the_published_examples_answer_collect_connect_and_dial(tmp_path: Path) -> None:
    async with Phone(user="alice") as alice, Phone(user="carrier") as carrier:
        relay = settings(tmp_path, host="localhost", dial_plan="out")
        async with running(
            tmp_path,
            {"in": PLAN, "out": OUT},
            relay=relay,
            trunks={"carrier": Trunk(host="127.0.0.1", port=carrier.address[1])},
            api=Api(port=0, policy=Policy(destinations=("+1555*", "+1918*"))),
        ) as server:
            async with example(server, tmp_path, "relay_answer_and_welcome.py"):
                call = await dial(alice, server, "400")
                assert await call.wait_for_speech(10)
                await call.wait_ended()
            first = await server.ended()
            assert verbs(server, first.call_id) == ["take_over", "answer", "play", "hangup"]

            async with example(server, tmp_path, "relay_ivr_connect.py"):
                call = await dial(alice, server, "400")
                assert await call.wait_for_speech(10)
                await call.press("0")
                far = await carrier.wait_call(timeout=20)
                await the(server, LegChanged, role="callee", state="confirmed")
                await call.hangup()
                await far.wait_ended()
                second = await server.ended(2)
            assert verbs(server, second.call_id)[:5] == [
                "take_over", "answer", "prompt", "play", "connect",
            ]  # fmt: skip

            async with example(server, tmp_path, "relay_dial_and_play.py"):
                called = await carrier.wait_call(2, timeout=30)
                assert await called.wait_for_speech(20)
                await called.wait_ended()
                third = await server.ended(3)
            assert verbs(server, third.call_id) == ["originate", "take_over", "play", "hangup"]


@asynccontextmanager
async def client(
    server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Any]:
    monkeypatch.setenv("SIGNALWIRE_RELAY_CA_FILE", str(folder / "ca.pem"))
    host = f"localhost:{server.gateway.relay.port}"
    made = RelayClient(project="p", token=TOKEN, host=host, contexts=["default"])
    async with made:
        yield made


@pytest.mark.slow
async def test_a_client_works_on_a_call_with_everything_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    relay = settings(tmp_path, host="localhost")
    async with (
        Phone(user="alice") as alice,
        Phone(user="bob") as bob,
        running(tmp_path, {"a": PLAN, "b": NOBODY}, relay=relay) as server,
        client(server, tmp_path, monkeypatch) as made,
    ):
        arrived: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        async def keep(call: Any) -> None:
            arrived.set_result(call)

        made.on_call(keep)
        phone = await alice.dial(server.uri("400"))
        call = await asyncio.wait_for(arrived, 20)
        states: list[str] = []
        connected: list[str] = []
        call.on("calling.call.state", lambda e: states.append(e.params["call_state"]))
        call.on("calling.call.connect", lambda e: connected.append(e.params["connect_state"]))
        await call.answer()
        await phone.wait_answered()
        recording = await call.record({"stereo": True})

        playing = await call.play_silence(60)
        await playing.pause()
        await playing.resume()
        await playing.stop()
        assert (await playing.wait(10)).params["state"] == "finished"

        collecting = await call.collect(digits={"max": 3, "terminators": "#"}, initial_timeout=20)
        await phone.press("12#")
        collected = await collecting.wait(20)
        assert collected.params["result"] == {
            "type": "digit", "params": {"digits": "12", "terminator": "#"},
        }  # fmt: skip

        await call.send_digits("5")
        assert await phone.wait_for_digits(1, 10) == "5"
        await call.hold()
        await call.unhold()

        await call.connect([[{"type": "sip", "params": {"to": bob.uri}}]])
        far = await bob.wait_call(timeout=20)
        await the(server, LegChanged, role="callee", state="confirmed")
        await call.disconnect()
        await far.wait_ended()

        await recording.stop()
        recorded = await recording.wait(20)
        assert recorded.params["url"].endswith(".wav")
        assert recorded.params["size"] > 1000

        await call.transfer("office")
        await phone.wait_ended()
        ended = await call.wait_for_ended(20)
        assert ended.params["end_reason"] == "hangup"
        assert states == ["answered", "ending", "ended"]
        assert connected == ["connecting", "connected", "disconnected"]
        await the(server, StepStarted, section="office", verb="hangup")
        await server.ended()

        # nobody listens there: the plan goes on
        refused = await alice.dial(server.uri("401"))
        assert (await refused.wait_ended()).status == 480
        await the(server, DriveChanged, reason="nobody")
        assert not [e for e in server.events if isinstance(e, DigitReceived) and e.hidden]
        await server.ended(2)
