"""RealWire: a caller's end of a call over SIP and RTP; echo and noise are mixed in live."""

import asyncio
from collections.abc import Sequence

from sipagent.errors import LegFailed
from sipagent.tasks import stopped
from sipagent.testing.call import PhoneCall
from sipagent.testing.rtp import Packet
from sipagent.testing.track import SPEECH_LEVEL

from .activity import Activity
from .knowing import Known
from .prompter import now_ms
from .render import Rendered
from .scenario import Scenario
from .surroundings import Surroundings

_LONGER_THAN_ANY_CALL = 7 * 24 * 3600.0


class _Hearing:
    """A `Watch` that never has seen enough: all that comes from the agent goes through it, on the
    media thread.
    """

    def __init__(self, agent: Activity, around: Surroundings) -> None:
        self._agent = agent
        self._around = around

    def look(self, packets: Sequence[Packet], now: float) -> float | None:
        """See `Watch`."""
        for packet in packets:
            if packet.codec is not None:
                self._agent.add(1000 * packet.at, packet.level >= SPEECH_LEVEL)
                self._around.hear(packet.pcm)
        return None


class RealWire:
    """A `Wire` on a call over SIP and RTP; its clock is `perf_counter`, its marks too."""

    #: packets come late, and on a machine with other work they are read late
    late_ms = 200.0

    def __init__(self, call: PhoneCall, known: Known, scenario: Scenario) -> None:
        self.agent = Activity()
        self._call = call
        self._known = known
        around = Surroundings(scenario)
        if scenario.noise is not None or scenario.echo is not None:
            call.stream.sender.around = around.around
        hearing = _Hearing(self.agent, around)
        self._watching = asyncio.ensure_future(call.stream.watch(hearing, _LONGER_THAN_ANY_CALL))

    @property
    def now(self) -> float:
        """See `Wire`."""
        return now_ms()

    def mark(self) -> float:
        """See `Wire`; the time."""
        return now_ms()

    async def sleep(self, milliseconds: float) -> None:
        """See `Wire`."""
        await asyncio.sleep(milliseconds / 1000)
        if self._call.ended.done():
            raise LegFailed(200, "the agent ended the call")

    async def say(self, line: Rendered) -> float:
        """See `Wire`."""
        playing = self._call.stream.sender.play(line.pcm)
        while not playing.departures:
            await self.sleep(5)
        start = 1000 * playing.departures[0]
        self._known.add(line, start)
        return start

    async def close(self) -> None:
        """Listen no more."""
        await stopped(self._watching)
