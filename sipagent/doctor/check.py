"""Checks: run all at once, each with its own limit, and told as they end."""

import asyncio
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sipagent.tasks import stopped

from .findings import Ailment, Finding, Severity, worst
from .patient import Patient

#: beside every check's own
TOO_SLOW = Ailment(
    "check-too-slow",
    Severity.WARNING,
    "what it waits for does not answer: a dead mount, a name service, a machine that is too busy",
    "run it alone (`--only`) on a quieter machine; look at the other findings first",
)
BROKEN = Ailment(
    "check-broken",
    Severity.WARNING,
    "a mistake in this check, or a machine it does not expect",
    "report it with this line; the other checks are not touched by it",
)
#: of any check
COMMON = (TOO_SLOW, BROKEN)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing to look at: `seconds` bound it; `ailments` is all it can say beside "fine"."""

    name: str
    title: str
    run: Callable[[Patient], Awaitable[Sequence[Finding]]]
    ailments: tuple[Ailment, ...]
    seconds: float = 10.0


@dataclass(frozen=True, slots=True)
class Visit:
    """What came of a check, and how long it took."""

    name: str
    title: str
    findings: tuple[Finding, ...]
    seconds: float = 0.0

    @property
    def severity(self) -> Severity:
        """The worst of its findings."""
        return worst(self.findings)


async def examine(checks: Iterable[Check], patient: Patient) -> AsyncIterator[Visit]:
    """All at once; each as it ends."""
    tasks = [asyncio.create_task(_visit(check, patient)) for check in checks]
    try:
        for done in asyncio.as_completed(tasks):
            yield await done
    finally:
        await stopped(*tasks)


async def _visit(check: Check, patient: Patient) -> Visit:
    began = time.monotonic()
    findings: Sequence[Finding]
    try:
        async with asyncio.timeout(check.seconds):
            findings = await check.run(patient)
    except TimeoutError:
        findings = [TOO_SLOW.found(f"not done within {check.seconds:g} s")]
    except Exception as error:  # one check that fails must not hide the others
        findings = [BROKEN.found(f"the check itself failed: {_place(error)}")]
    return Visit(check.name, check.title, tuple(findings), time.monotonic() - began)


def _place(error: Exception) -> str:
    """What was raised and where; not its words, which may quote anything."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {Path(last.filename).name}:{last.lineno}"
