"""The talker that says back what it hears: at once, or not at all."""

import asyncio
from typing import cast

from sipagent.agent.echo import EchoTalker
from sipagent.call.control import CallControl
from sipagent.media.clock import MediaClock
from sipagent.media.frames import frame_bytes
from sipagent.media.port import AudioPort
from sipagent.testing.virtual import run_virtual


def frame(number: int) -> bytes:
    return bytes([number]) * frame_bytes(8000)


def test_an_echo_that_was_late_once_is_in_time_again() -> None:
    async def conversation() -> list[bytes | None]:
        clock = MediaClock()
        port = AudioPort("agent", 8000, clock)
        talker = asyncio.create_task(EchoTalker().run(port, cast(CallControl, None)))
        await asyncio.sleep(0.1)
        # the loop stood still for three frames
        for number in (1, 2, 3):
            clock.tick()
            port.push(frame(number))
        said: list[bytes | None] = []
        for number in (4, 5, 6):
            await asyncio.sleep(0.02)
            clock.tick()
            said.append(port.pull())
            port.push(frame(number))
        await asyncio.sleep(0.02)
        said.append(port.pull())
        port.close()
        await talker
        return said

    assert run_virtual(conversation()) == [frame(1), frame(4), frame(5), frame(6)]
