"""Barge-in: from the caller's first sound on the wire to the agent's last one."""

import asyncio
import random
from dataclasses import dataclass, field

from sipagent.testing.phone import Phone
from sipagent.testing.voice import speak

from .figures import Report, percentile
from .server import Server

_WORDS = ("Stop, please, I have a question.", "Wait a moment.", "No, that is not what I want.")
#: silence this long means that the agent gave way and was not between two sentences
_QUIET_SECONDS = 0.4
#: an agent that goes on for longer did not give way
_PATIENCE = 1.0


@dataclass(slots=True)
class _Tally:
    """What became of the interruptions: seconds to silence of those yielded to, and how many
    fell into the agent's speech at all.
    """

    stops: list[float] = field(default_factory=list)
    tried: int = 0


async def barge_in(server: Server, report: Report, calls: int, times: int) -> None:
    """`calls` callers interrupt a long speech `times` times each; rows p50, p95 and yielded."""
    for words in _WORDS:
        speak(words)  # kept: making one takes longer than a packet
    async with Phone(user="barge") as phone:
        tallies = await asyncio.gather(*(_interrupt(phone, server, times, n) for n in range(calls)))
    stops = [1000 * seconds for tally in tallies for seconds in tally.stops]
    tried = sum(tally.tried for tally in tallies)
    group = f"barge-in, {calls} caller{'s' if calls > 1 else ''} at once"
    note = f"{len(stops)} of {tried} ended the speech"
    report.add(group, "onset to silence p50", percentile(stops, 50), "ms", note=note)
    report.add(group, "onset to silence p95", percentile(stops, 95), "ms", goal=200)
    yielded = 100 * len(stops) / tried if tried else float("nan")
    report.add(group, "interruptions yielded to", yielded, "%", goal=95, better="higher")


async def _interrupt(phone: Phone, server: Server, times: int, seed: int) -> _Tally:
    dice = random.Random(seed)  # noqa: S311
    tally = _Tally()
    call = await phone.dial(server.uri("monologue"))
    await call.wait_answered()
    for number in range(times):
        try:
            await call.wait_for_speech(10)
        except TimeoutError:
            break
        await asyncio.sleep(dice.uniform(1.0, 2.5))
        played = await call.play(speak(_WORDS[number % len(_WORDS)]))
        await asyncio.sleep(_QUIET_SECONDS + 0.1)
        silent = call.stream.heard.fell_silent(played.onset, quiet=_QUIET_SECONDS)
        if silent == played.onset:
            continue  # the agent was not speaking just then
        tally.tried += 1
        if silent is not None and silent - played.onset < _PATIENCE:
            tally.stops.append(silent - played.onset)
    await call.hangup()
    return tally
