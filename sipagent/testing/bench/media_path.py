"""Own media path: caller's RTP in, through a worker and its echo agent, and RTP out."""

import asyncio
from collections.abc import Sequence

from sipagent.testing.audio import silence
from sipagent.testing.call import PhoneCall
from sipagent.testing.phone import Phone
from sipagent.testing.signals import noise
from sipagent.testing.stream import Route, RtpStream

from .figures import Report, percentile
from .reflector import reflecting
from .server import Server

#: a loud frame every so often: far enough apart that each echo belongs to one sound
PERIOD = 0.26
_SOUND = noise(1, 20, 8000, level=0.5) + silence(PERIOD - 0.02)
_LEVEL = 1500
_SETTLE_SECONDS = 1.5
#: a call's clocks stand in one phase to each other all its life, which is up to 20 ms of its
#: delay: few calls are too few, and so are measured several times
_CALLS_AT_LEAST = 10


async def media_path(server: Server, report: Report, calls: int, seconds: float) -> None:
    """Delay of `calls` echo calls at once; rows p50, p99, lost packets and CPU."""
    rounds = -(-_CALLS_AT_LEAST // calls)
    streams: list[RtpStream] = []
    spent, elapsed = 0.0, 0.0
    for _ in range(rounds):
        async with Phone(user="bench", keep_seconds=seconds + 5) as phone:
            placed = [await _call(phone, server) for _ in range(calls)]
            await asyncio.sleep(_SETTLE_SECONDS)
            before = server.cost()
            sound = _SOUND * max(1, int(seconds / rounds / PERIOD))
            await asyncio.gather(*(call.play(sound) for call in placed))
            after = server.cost()
            await asyncio.sleep(PERIOD)
            spent += after.cpu_seconds - before.cpu_seconds
            elapsed += after.at - before.at
            streams += [call.stream for call in placed]
            await asyncio.gather(*(call.hangup() for call in placed))
    group = f"media path, {calls} echo call{'s' if calls > 1 else ''}"
    _delay_rows(report, group, streams, goals=(30, 50))
    lost = sum(stream.reception.lost for stream in streams)
    received = sum(stream.reception.packets for stream in streams)
    report.add(group, "packets lost", 100 * lost / max(1, received + lost), "%", goal=0.1)
    cpu = 100 * spent / elapsed / calls
    report.add(group, "CPU per call", cpu, "% of core", note="of the whole server")


async def callers_alone(report: Report, calls: int, seconds: float) -> None:
    """The same against a bare UDP echo: what of every delay is the callers' and the kernel's."""
    async with reflecting() as remote:
        streams = [
            RtpStream("127.0.0.1", lambda key: None, keep_seconds=seconds + 5) for _ in range(calls)
        ]
        for stream in streams:
            stream.route = Route(remote, sending=True)
        sound = _SOUND * max(1, int(seconds / PERIOD))
        await asyncio.gather(*(stream.played(stream.sender.play(sound)) for stream in streams))
        await asyncio.sleep(PERIOD)
        await asyncio.gather(*(stream.close() for stream in streams))
    _delay_rows(report, f"floor: {calls} callers and a bare UDP echo", streams, goals=(None, None))


def delays(sent: Sequence[float], heard: Sequence[float], period: float) -> list[float]:
    """Seconds from each departure in `sent` to its echo in `heard`: the first arrival after it,
    within `period`. A sound without an echo has none. Both are in order of time.
    """
    found: list[float] = []
    position = 0
    for at in sent:
        while position < len(heard) and heard[position] < at:
            position += 1
        if position < len(heard) and heard[position] - at < period:
            found.append(heard[position] - at)
            position += 1
    return found


def _delay_rows(
    report: Report,
    group: str,
    streams: Sequence[RtpStream],
    goals: tuple[float | None, float | None],
) -> None:
    sent = [[p.at for p in s.said.packets() if p.level >= _LEVEL] for s in streams]
    heard = [[p.at for p in s.heard.packets() if p.level >= _LEVEL] for s in streams]
    found = [
        1000 * delay
        for out, back in zip(sent, heard, strict=True)
        for delay in delays(out, back, PERIOD)
    ]
    departures = [stream.departures for stream in streams]
    late, packets = sum(d.late for d in departures), sum(d.packets for d in departures)
    worst = max(d.worst_ms for d in departures)
    note = f"{len(found)} echoes of {sum(map(len, sent))} sounds"
    own = f"callers sent {late} of {packets} packets 5 ms late or more, worst {worst:.0f} ms"
    report.add(group, "delay p50", percentile(found, 50), "ms", goal=goals[0], note=note)
    report.add(group, "delay p99", percentile(found, 99), "ms", goal=goals[1], note=own)


async def _call(phone: Phone, server: Server) -> PhoneCall:
    call = await phone.dial(server.uri("echo"))
    await call.wait_answered()
    return call
