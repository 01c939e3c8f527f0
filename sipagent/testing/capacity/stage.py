"""Stage: a server and its callers, and what is counted of both between two moments."""

import hashlib
import resource
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sipagent.testing.bench.figures import percentile
from sipagent.testing.bench.server import BenchFailed, Server, serving
from sipagent.testing.sip.message import BadMessage
from sipagent.worker.weights import Kind

from .calls import Caller, Calls
from .configurations import NUMBER, Addresses, Configuration
from .crowd import Crowd
from .models import Models, modelling
from .sources import (
    Buckets,
    Cpu,
    Here,
    Nothing,
    Scrape,
    Source,
    There,
    machine_cpu,
    quantile,
    turns,
)
from .steps import Cost, Step
from .talk import phrase
from .tally import Count

#: descriptors beside two for each line
_OTHER_FILES = 200


@dataclass(frozen=True, slots=True)
class Where:
    """A server elsewhere: whom to call, and its /metrics with a token, where it may be read."""

    target: str
    metrics: str = ""
    token: str = ""


@dataclass(frozen=True, slots=True)
class Setting:
    """Who calls, and how many at most; with `where` a server elsewhere, else one is started, with
    `settings` beside the configuration's own.
    """

    calls: int
    caller: Caller = field(default_factory=Caller)
    where: Where | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Moment:
    """Everything that is counted, at one moment (`at`: perf_counter)."""

    at: float
    heard: Count
    sent: int
    own_late: int
    dropped: int
    overhead: Buckets
    cpu: Cpu
    own_cpu: float
    models_cpu: float
    machine: tuple[float, float]


@dataclass(slots=True)
class Stage:
    """`server` is None where it is elsewhere."""

    configuration: Configuration
    crowd: Crowd
    calls: Calls
    target: str
    source: Source
    models: Models | None = None
    server: Server | None = None

    async def come_to(self, number: int) -> int:
        """Have so many calls at once; how many were refused. Raises BenchFailed."""
        refused = self.calls.refused.total()
        await self.calls.hang_up(max(0, len(self.calls.placed) - number))
        try:
            await self.calls.come_to(number, self.target)
        except (OSError, BadMessage, IndexError) as error:
            raise BenchFailed(f"cannot call {self.target}: {error}") from error
        return self.calls.refused.total() - refused

    def forget(self) -> None:
        """What callers noted so far does not count."""
        for talk in self.calls.talks:
            talk.answers.clear()
            talk.unanswered = 0
        self.crowd.own.worst_seconds = 0.0

    async def moment(self) -> Moment:
        """Now. Raises BenchFailed."""
        own = self.crowd.own
        return Moment(
            overhead=await self.source.overhead() if self.configuration.turns else {},
            cpu=await self.source.cpu(),
            machine=machine_cpu(),
            heard=self.crowd.tally.count(),
            sent=own.packets,
            own_late=own.late,
            dropped=self.calls.dropped,
            own_cpu=time.process_time(),
            models_cpu=self.models.cpu_seconds() if self.models else 0.0,
            at=time.perf_counter(),
        )

    def between(self, number: int, before: Moment, after: Moment, memory: Cost) -> Step:
        """The figures of `number` conversations, from `forget` and `before` until `after`."""
        seconds = after.at - before.at
        talks = self.calls.talks
        answers = [1000 * answer for talk in talks for answer in talk.answers]
        answers = answers if self.configuration.turns else []
        cpu = {kind: 100 * (after.cpu[kind] - before.cpu[kind]) / seconds for kind in Kind}
        worked, there = (b - a for a, b in zip(before.machine, after.machine, strict=True))
        return Step(
            calls=number,
            seconds=round(seconds, 2),
            heard=after.heard - before.heard,
            sent=after.sent - before.sent,
            own_late=after.own_late - before.own_late,
            own_worst_ms=1000 * self.crowd.own.worst_seconds,
            dropped=after.dropped - before.dropped,
            turns=turns(before.overhead, after.overhead),
            overhead_p95_ms=1000 * quantile(before.overhead, after.overhead, 0.95),
            answer_p50_ms=percentile(answers, 50),
            answer_p95_ms=percentile(answers, 95),
            answered=len(answers),
            unanswered=sum(talk.unanswered for talk in talks),
            cost=replace(
                memory,
                gateway=cpu[Kind.GATEWAY],
                zygote=cpu[Kind.ZYGOTE],
                workers=cpu[Kind.WORKER],
            ),
            callers_cpu=100 * (after.own_cpu - before.own_cpu) / seconds,
            models_cpu=100 * (after.models_cpu - before.models_cpu) / seconds,
            machine_cpu=100 * worked / there if there else 0.0,
        )


@asynccontextmanager
async def stage(
    folder: Path, configuration: Configuration, setting: Setting
) -> AsyncIterator[Stage]:
    """Everything up and nobody calling yet; a server of ours writes to `folder`.

    Raises BenchFailed.
    """
    phrases = [phrase(text) for text in configuration.phrases]
    caller, lines = setting.caller, setting.calls * configuration.legs
    _allow_files(2 * lines + _OTHER_FILES)
    async with AsyncExitStack() as stack:
        crowd = stack.enter_context(Crowd(lines, caller.host))
        calls = await stack.enter_async_context(Calls(crowd, phrases, caller))
        if setting.where is not None:
            target, source = setting.where.target, _elsewhere(setting.where)
            yield Stage(configuration, crowd, calls, target, source)
            return
        models = None
        addresses = Addresses()
        if configuration.hosted:
            models = await stack.enter_async_context(modelling())
            addresses = models.addresses
        addresses = replace(addresses, callee=calls.uri)
        token = secrets.token_urlsafe(24)
        own = {**configuration.settings(addresses), "api": _door(token), **setting.settings}
        plans = {NUMBER: configuration.plan(addresses)}
        server = await stack.enter_async_context(
            serving(folder, calls=setting.calls, plans=plans, settings=own)
        )
        # before the server goes, so that nobody is dropped
        stack.push_async_callback(calls.hang_up, lines)
        source = Here(server, Scrape(f"http://{server.http}/metrics", token))
        target = server.uri(NUMBER)
        yield Stage(configuration, crowd, calls, target, source, models, server)


def _elsewhere(where: Where) -> Source:
    return There(Scrape(where.metrics, where.token)) if where.metrics else Nothing()


def _door(token: str) -> dict[str, object]:
    digest = hashlib.sha256(token.encode()).hexdigest()
    return {"port": 0, "console": False, "tokens": {"bench": {"hash": f"sha256:{digest}"}}}


def _allow_files(wanted: int) -> None:
    """A descriptor for each line. Raises BenchFailed where there may not be so many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= wanted:
        return
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise BenchFailed(f"{wanted} open files are needed, {hard} allowed: raise `ulimit -n`")
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
