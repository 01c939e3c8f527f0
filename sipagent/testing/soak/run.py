"""One soak: a gateway in this process, SIPp around it, and a look at everything afterwards."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from sipagent.app.gateway import Gateway
from sipagent.app.plans import open_plans
from sipagent.config import Limits
from sipagent.events import CallEnded, Event
from sipagent.testing.server import settings_in
from sipagent.testing.sipp import Sipp, SippResult

from .report import Report
from .scenarios import KINDS, PLANS, Kind
from .weighing import Scales

#: every timer of SIP has run out after 64*T1 (RFC 3261 table 4), and ours linger as long
_SETTLE = 90.0
_LOOK = 0.2
#: SIPp's rate is a whole number of calls in so many seconds
_PERIOD = 20
#: what a call may take beyond the time its like are started in
_LAST_CALL = 150.0
WARM = 8
Progress = Callable[[float, int], None]


async def soak(
    folder: Path, calls: int, rate: float, *, at_once: int = 400, progress: Progress | None = None
) -> Report:
    """Place about that many calls, and see what is left of them. `folder` gets plans and records.

    Raises TimeoutError where SIPp does not come to an end.
    """
    plans = {
        f"plan-{number}": f'routes: [{{to: "{number}"}}]\nsections:\n  main: {steps}\n'
        for number, steps in PLANS.items()
    }
    limits = Limits(calls=at_once, calls_per_second=10_000, warm=WARM)
    settings = settings_in(folder, plans, limits=limits)
    report = Report(calls, rate)
    async with Gateway(settings, open_plans(settings)) as gateway:
        assert gateway.workers is not None
        gateway.ledger.listeners.append(lambda event: _note(event, report))
        workers = gateway.workers
        scales = Scales(workers, lambda: gateway.ledger.live)
        # the first calls open what stays open: the database, the first logs
        await asyncio.gather(*(_place(kind, gateway, folder, 2, 2.0) for kind in KINDS))
        await _settled(gateway, scales, but="transactions")
        records = len((await gateway.store.search(limit=10)).calls)
        report.before = scales.weigh()
        watching = asyncio.create_task(scales.watch())
        telling = asyncio.create_task(_tell(gateway, scales, progress)) if progress else None
        loop = asyncio.get_running_loop()
        began = loop.time()
        shares = {kind: round(kind.share * calls) for kind in KINDS}
        report.calls = sum(shares.values())
        results = await asyncio.gather(
            *(_place(k, gateway, folder, n, rate * k.share) for k, n in shares.items())
        )
        report.seconds = loop.time() - began
        report.results = {kind.name: result for kind, result in zip(shares, results, strict=True)}
        await _settled(gateway, scales)
        for task in (watching, telling):
            if task is not None:
                task.cancel()
        report.weights = scales.weights
        report.after = scales.weigh()
        await _look(gateway, scales, report, records)
    return report


async def _place(kind: Kind, gateway: Gateway, folder: Path, calls: int, rate: float) -> SippResult:
    scenario = folder / f"{kind.name}.xml"
    scenario.write_text(kind.scenario)
    host, port = gateway.edge.public_address
    loss = ("-lost", str(kind.loss)) if kind.loss else ()
    sipp = Sipp(
        scenario,
        target=f"{host}:{port}",
        service=kind.number,
        calls=calls,
        rate=max(1, round(rate * _PERIOD)),
        more=("-rp", str(1000 * _PERIOD), *loss, *kind.more),
    )
    async with sipp:
        return await sipp.wait(calls / rate * 1.5 + _LAST_CALL)


async def _settled(gateway: Gateway, scales: Scales, *, but: str = "") -> None:
    """Wait until nothing lives `but` what may, as long as that may rightly take."""
    for _ in range(int(_SETTLE / _LOOK)):
        if not any(count for what, count in _left(gateway, scales).items() if what != but):
            break
        await asyncio.sleep(_LOOK)


def _left(gateway: Gateway, scales: Scales) -> dict[str, int]:
    """What there is that an idle server has not."""
    assert gateway.workers is not None
    stats = gateway.workers.stats
    return {
        "calls": gateway.ledger.live + stats.calls,
        "dialogs": gateway.edge.dialogs,
        "transactions": gateway.edge.transactions,
        "busy workers": stats.processes - stats.idle,
        "processes nobody knows": max(0, len(scales.children()) - stats.processes),
    }


async def _look(gateway: Gateway, scales: Scales, report: Report, records: int) -> None:
    assert gateway.workers is not None
    await gateway.store.flush()
    report.left = _left(gateway, scales)
    report.exceptions = gateway.edge.counters.exceptions
    report.never_ready = gateway.workers.stats.counts.get("lost", 0) - report.crashed
    all_of_them = (await gateway.store.search(limit=2 * report.calls + records)).calls
    report.unwritten = sum(record.ended is None for record in all_of_them)


def _note(event: Event, report: Report) -> None:
    if isinstance(event, CallEnded) and "crashed" in event.reason:
        report.crashed += 1


async def _tell(gateway: Gateway, scales: Scales, progress: Progress | None) -> None:
    while progress is not None:
        await asyncio.sleep(10.0)
        if scales.weights:
            progress(scales.weights[-1].gateway / (1 << 20), gateway.ledger.live)
