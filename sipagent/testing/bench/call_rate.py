"""Calls per second: INVITE, 200, ACK, a moment, BYE, at a steady rate."""

import asyncio

from sipagent.errors import LegFailed
from sipagent.testing.phone import Phone

from .figures import Report, percentile
from .server import Server

_HELD_SECONDS = 0.3


async def call_rate(server: Server, report: Report, rate: int, seconds: float) -> None:
    """Place `rate` calls a second for `seconds`; rows set-up p50 and p95, refused, CPU."""
    setups: list[float] = []
    lateness: list[float] = []
    failures: list[str] = []
    async with Phone(user="rate", keep_seconds=1) as phone:

        async def one() -> None:
            call = await phone.dial(server.uri("answer"))
            try:
                await call.wait_answered(10)
            except (LegFailed, TimeoutError) as error:
                failures.append(str(error) or "no answer")
                return
            setups.append(call.times.setup_ms or 0.0)
            await asyncio.sleep(_HELD_SECONDS)
            await call.hangup()
            phone.forget(call)

        before = server.cost()
        loop = asyncio.get_running_loop()
        start, total = loop.time(), int(rate * seconds)
        async with asyncio.TaskGroup() as group:
            for number in range(total):
                due = start + number / rate
                await asyncio.sleep(max(0.0, due - loop.time()))
                lateness.append(1000 * (loop.time() - due))
                group.create_task(one())
        after = server.cost()
    name = f"{rate} calls/s for {seconds:g} s"
    note = f"{len(setups)} of {total} answered"
    report.add(name, "INVITE to 200 p50", percentile(setups, 50), "ms", note=note)
    own = f"callers' own lateness p95 {percentile(lateness, 95):.1f} ms"
    report.add(name, "INVITE to 200 p95", percentile(setups, 95), "ms", goal=20, note=own)
    refused = "; ".join(sorted(set(failures))[:3])
    report.add(name, "refused or failed", len(failures), "calls", goal=0, note=refused)
    cpu = 1000 * (after.cpu_seconds - before.cpu_seconds) / max(1, total)
    report.add(name, "CPU per call", cpu, "ms")
