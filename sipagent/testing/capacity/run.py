"""One measurement: step after step, until the quality breaks."""

import asyncio
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from sipagent.testing.pacer import keep_time

from .configurations import Configuration
from .kept import Kept, database, kept
from .search import Search
from .stage import Moment, Setting, Stage, stage
from .steps import Quality, Step, broken, by_far
from .tally import Count

#: a step that breaks by far is given up after this part of it
_LOOK = 0.5

#: what is done now, for people
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """How to measure. `settle` seconds pass in each step before the `seconds` that count; `start`
    conversations come first and at most those of `setting`.
    """

    setting: Setting
    start: int = 10
    settle: float = 4.0
    seconds: float = 15.0
    quality: Quality = field(default_factory=Quality)


@dataclass(slots=True)
class Found:
    """What came of one configuration, as far as it was measured. `whole`: the search came to its
    end. `failed`: why it could not be measured at all.
    """

    configuration: Configuration
    steps: list[Step] = field(default_factory=list)
    held: int = 0
    whole: bool = False
    #: what broke first, at the least number that broke; empty where nothing did
    broke: tuple[str, ...] = ()
    broke_at: int | None = None
    failed: str = ""
    kept: Kept | None = None

    @property
    def best(self) -> Step | None:
        """The step with the most conversations that held."""
        return next((s for s in reversed(self.steps) if s.calls == self.held and s.seconds), None)


async def measure(found: Found, plan: Plan, progress: Progress) -> None:
    """Fill `found`, step by step. Raises BenchFailed."""
    name, most = found.configuration.name, plan.setting.calls
    with tempfile.TemporaryDirectory(prefix="sipagent-capacity-") as folder:
        progress(f"{name}: starting")
        async with stage(Path(folder), found.configuration, plan.setting) as on:
            empty = database(Path(folder))
            keep_time(ahead=True)
            search = Search(min(plan.start, most), most)
            while not search.over:
                step = await _step(on, plan, search.next, progress)
                found.steps.append(step)
                faults = broken(step, plan.quality)
                search = search.after(holds=not faults, by_far=by_far(step, plan.quality))
                found.held = search.held
                if search.broke == step.calls:
                    found.broke, found.broke_at = faults, step.calls
            found.whole = True
            if on.server is not None:
                progress(f"{name}: records")
                await on.calls.hang_up(most)
                found.kept = await kept(on.server.folder, on.calls.answered_total, empty)


async def _step(on: Stage, plan: Plan, number: int, progress: Progress) -> Step:
    """So many conversations for the plan's seconds."""
    name, dropped = on.configuration.name, on.calls.dropped
    progress(f"{name}: {number} conversations begin")
    if refused := await on.come_to(number):
        return Step(number, 0.0, Count(), refused=refused)
    await asyncio.sleep(plan.settle)
    on.forget()
    # those that were dropped at once count, too
    before = replace(await on.moment(), dropped=dropped)
    progress(f"{name}: {number} conversations")
    await _last(on, plan, before)
    after = await on.moment()
    return on.between(number, before, after, await on.source.memory())


async def _last(on: Stage, plan: Plan, before: Moment) -> None:
    """The seconds of a step, or fewer where it breaks by far."""
    loop = asyncio.get_running_loop()
    end = loop.time() + plan.seconds
    await asyncio.sleep(_LOOK * plan.seconds)
    while (left := end - loop.time()) > 0:
        heard = on.crowd.tally.count() - before.heard
        if by_far(Step(1, 1.0, heard), plan.quality):
            return
        await asyncio.sleep(min(1.0, left))
