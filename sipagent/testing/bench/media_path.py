"""Own media path: caller's RTP in, through a worker and its echo agent, and RTP out."""

import asyncio

from sipagent.testing.audio import silence
from sipagent.testing.call import PhoneCall
from sipagent.testing.phone import Phone
from sipagent.testing.signals import noise

from .figures import Report, percentile
from .server import Server

#: a loud frame every so often: far enough apart that each echo belongs to one sound
_PERIOD_MS = 260
_LEVEL = 1500
_SETTLE_SECONDS = 1.5


async def media_path(server: Server, report: Report, calls: int, seconds: float) -> None:
    """Delay of `calls` echo calls at once; rows p50, p99, lost packets and CPU."""
    async with Phone(user="bench", keep_seconds=seconds + 5) as phone:
        placed = [await _call(phone, server) for _ in range(calls)]
        await asyncio.sleep(_SETTLE_SECONDS)
        count = int(seconds * 1000 / _PERIOD_MS)
        sound = (noise(1, 20, 8000, level=0.5) + silence((_PERIOD_MS - 20) / 1000)) * count
        before = server.cost()
        await asyncio.gather(*(call.play(sound) for call in placed))
        after = server.cost()
        await asyncio.sleep(0.3)
        delays = [delay for call in placed for delay in _delays(call)]
        lost = sum(call.stream.reception.lost for call in placed)
        received = sum(call.stream.reception.packets for call in placed)
        late = sum(call.stream.departures.late for call in placed)
        await asyncio.gather(*(call.hangup() for call in placed))
    group = f"media path, {calls} echo call{'s' if calls > 1 else ''}"
    note = f"{len(delays)} echoes of {count * calls} sounds; {late} of our own packets left late"
    report.add(group, "delay p50", percentile(delays, 50), "ms", goal=30, note=note)
    report.add(group, "delay p99", percentile(delays, 99), "ms", goal=50, note=note)
    report.add(group, "packets lost", 100 * lost / max(1, received + lost), "%", goal=0.1)
    cpu = 100 * (after.cpu_seconds - before.cpu_seconds) / (after.at - before.at) / calls
    report.add(group, "CPU per call", cpu, "% of a core")


async def _call(phone: Phone, server: Server) -> PhoneCall:
    call = await phone.dial(server.uri("echo"))
    await call.wait_answered()
    return call


def _delays(call: PhoneCall) -> list[float]:
    """Ms from each loud packet's departure to the arrival of its echo's first packet."""
    sent = [p.at for p in call.stream.said.packets() if p.level >= _LEVEL]
    heard = [p.at for p in call.stream.heard.packets() if p.level >= _LEVEL]
    delays: list[float] = []
    position = 0
    for at in sent:
        while position < len(heard) and heard[position] < at:
            position += 1
        if position < len(heard) and heard[position] - at < _PERIOD_MS / 1000:
            delays.append(1000 * (heard[position] - at))
    return delays
