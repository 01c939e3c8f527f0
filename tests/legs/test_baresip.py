"""A real softphone: audio, SRTP, keys and hold as baresip has them."""

import asyncio
from typing import TYPE_CHECKING, Any, Literal

import pytest

from sipagent.call.leg import LegState
from sipagent.media.port import AudioPort
from sipagent.testing.actor import Launch
from sipagent.testing.baresip import Baresip
from sipagent.testing.signals import noise, share

if TYPE_CHECKING:
    from sipagent.testing.stage import Stage


async def _echo(port: AudioPort) -> None:
    async for frame in port.frames():
        await port.play(frame.pcm)


async def _echoes(stage: "Stage") -> Any:
    leg = await stage.incoming()
    holds: asyncio.Queue[bool] = asyncio.Queue()
    keys = leg.digits()
    port = stage.bridge.open_port("echo")
    stage.bridge.connect(leg, port)
    stage.bridge.connect(port, leg)
    worker = asyncio.create_task(_echo(port))
    await leg.answer()
    await port.mark_at(130).reached()  # 2.6 s: the phone speaks for two
    await stage.tell("heard")
    await stage.tell(await anext(keys) + await anext(keys))
    leg.on_change(lambda changed: holds.put_nowait(changed.on_hold))
    await stage.tell("ready")
    await stage.tell(await holds.get())
    await stage.tell(await holds.get())
    await leg.wait(LegState.DISCONNECTED)
    stage.bridge.close_port(port)
    await worker
    return leg.status


@pytest.mark.peer
@pytest.mark.slow
@pytest.mark.rfc("4733", "keys received as telephone-events from baresip")
@pytest.mark.parametrize("encryption", ["", "srtp"])
async def test_a_softphone_is_heard_presses_keys_and_holds(
    launch: Launch, encryption: Literal["", "srtp"]
) -> None:
    worker = await launch(_echoes)
    said = noise(8, 2000, 8000)
    async with Baresip(play=said + bytes(16_000 * 30), media_encryption=encryption) as phone:
        await phone.dial(worker.uri)
        await phone.wait_event("CALL_ESTABLISHED")
        assert await worker.hear() == "heard"
        await phone.press("4#")
        assert await worker.hear() == "4#"
        assert await worker.hear() == "ready"
        await phone.hold()
        assert await worker.hear() is True
        await phone.resume()
        assert await worker.hear() is False
        await phone.hangup()
        assert await worker.result() == 200
        assert share(said, phone.heard(), 8000) >= 0.7
