"""Is this machine's clock right, and does it run evenly?"""

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine, Sequence
from datetime import UTC, datetime
from typing import Any

import httpx

from sipagent.config import Settings
from sipagent.doctor.check import Check
from sipagent.doctor.findings import Ailment, Finding, Severity, fine
from sipagent.doctor.outpost import Told, said_time
from sipagent.doctor.patient import Patient

#: seconds: what a Date header and the way of it can be off; where tokens and nonces begin to fail
_SLACK, _FAR = 5.0, 60.0
#: seconds the clock is watched, and what it may move in them against the monotonic one
_WATCH, _JUMP = 1.0, 0.1
_PATIENCE = 5.0
#: seconds in which trunks must have answered, to be heard
_TRUNKS = 12.0

CLOCK_WRONG = Ailment(
    "clock-wrong",
    Severity.PROBLEM,
    "this machine's clock is far off: certificates, tokens and nonces are judged wrongly, and "
    "records carry the wrong time",
    "run an NTP client (chrony, systemd-timesyncd), or see to the host's clock",
)
CLOCK_OFF = Ailment(
    "clock-off",
    Severity.WARNING,
    "this machine's clock is some seconds off",
    "run an NTP client (chrony, systemd-timesyncd)",
)
PEER_CLOCK = Ailment(
    "peer-clock-wrong",
    Severity.NOTE,
    "others agree with our clock: this one's is wrong",
    "tell whoever runs it",
)
CLOCK_JUMPS = Ailment(
    "clock-jumps",
    Severity.WARNING,
    "something sets the clock in leaps: two NTP clients, or a virtual machine that was paused",
    "keep one NTP client, which slews",
)
CLOCK_UNKNOWN = Ailment(
    "clock-not-compared",
    Severity.NOTE,
    "no trunk or provider told the time: its answers carry no Date",
    "timedatectl tells whether the clock is synchronised",
)


async def _run(patient: Patient) -> Sequence[Finding]:
    jump, told = await asyncio.gather(_watched(), _told(patient))
    return [*jump, *judged(told)]


def judged(told: dict[str, Told]) -> list[Finding]:
    """What the times that others say mean for our clock; by who said them."""
    if not told:
        return [CLOCK_UNKNOWN.found("nobody told the time")]
    skews = {who: (t.came - t.said).total_seconds() for who, t in told.items()}
    right = [who for who, skew in skews.items() if abs(skew) <= _SLACK]
    found = []
    for who, skew in skews.items():
        if abs(skew) <= _SLACK:
            continue
        ahead = "ahead of" if skew > 0 else "behind"
        what = f"our clock is {_span(abs(skew))} {ahead} that of {who}"
        usual = CLOCK_WRONG if abs(skew) > _FAR else CLOCK_OFF
        found.append((PEER_CLOCK if right else usual).found(what))
    agreed = f"as {', '.join(right)} {'says' if len(right) == 1 else 'say'}"
    return found or [fine(f"the clock is right, {agreed}")]


def _span(seconds: float) -> str:
    for size, unit in ((86_400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 1.5 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} seconds"


async def _watched() -> list[Finding]:
    wall, even = time.time(), time.monotonic()
    await asyncio.sleep(_WATCH)
    moved = (time.time() - wall) - (time.monotonic() - even)
    if abs(moved) < _JUMP:
        return []
    return [CLOCK_JUMPS.found(f"the clock was set by {moved:+.1f} s while we looked")]


async def _told(patient: Patient) -> dict[str, Told]:
    """What trunks and HTTP servers say that it is."""
    interviews, trunks = patient.interviews, patient.settings.trunks
    asking: list[Coroutine[Any, Any, object]] = [interviews.options(name) for name in trunks]
    if patient.pid is None:  # a registrar's answer has a Date (RFC 3261 section 10.3)
        asking += [interviews.register(n) for n, trunk in trunks.items() if trunk.registration]
    tasks = [asyncio.create_task(question) for question in asking]
    found = {who: told async for who, told in _by_http(patient.settings)}
    if tasks:
        _, late = await asyncio.wait(tasks, timeout=_TRUNKS)
        for task in late:
            task.cancel()  # others wait for it, and it goes on
    return {**interviews.post.times, **found}


async def _by_http(settings: Settings) -> AsyncIterator[tuple[str, Told]]:
    """The Date of providers' servers (RFC 9110 section 6.6.1); any answer has it."""
    bases = dict.fromkeys(
        str(base)
        for provider in settings.providers.values()
        if str(base := (provider.__pydantic_extra__ or {}).get("base_url", "")).startswith("http")
    )
    async with httpx.AsyncClient(timeout=_PATIENCE, trust_env=False) as client:
        for base in bases:
            try:
                answer = await client.head(base)
            except (httpx.HTTPError, httpx.InvalidURL):
                continue
            if (said := said_time(answer.headers.get("date", ""))) is not None:
                yield httpx.URL(base).host, Told(said, datetime.now(UTC))


CHECK = Check(
    "clock",
    "clock",
    _run,
    (CLOCK_WRONG, CLOCK_OFF, PEER_CLOCK, CLOCK_JUMPS, CLOCK_UNKNOWN),
    seconds=25.0,
)
