"""A server's settings, and what the doctor finds of them."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from sipagent.config import Listener, Settings, Sip, Trunk
from sipagent.doctor.check import examine
from sipagent.doctor.checks import CHECKS
from sipagent.doctor.findings import Finding, Severity
from sipagent.doctor.patient import admitted
from sipagent.testing.registrar import Registrar
from sipagent.testing.server import settings_in

PLAN = "routes: [{to: '100'}]\nsections: {main: [answer, hangup]}\n"
Examined = Callable[..., Awaitable[list[Finding]]]


@pytest.fixture
def settings(tmp_path: Path) -> Callable[..., Settings]:
    """`settings(trunks={...})`: of a server with one plan, whose records go to `tmp_path`."""

    def made(plans: str = PLAN, **keys: Any) -> Settings:
        return settings_in(tmp_path, plans, **keys)

    return made


@pytest.fixture
async def pbx() -> AsyncIterator[Registrar]:
    async with Registrar() as registrar:
        yield registrar


async def findings(settings: Settings, *names: str) -> list[Finding]:
    """Everything these checks find."""
    chosen = [check for check in CHECKS if not names or check.name in names]
    async with admitted(settings) as patient:
        return [f async for visit in examine(chosen, patient) for f in visit.findings]


@pytest.fixture
def examined() -> Examined:
    """`await examined(settings, "ports")`."""
    return findings


def wrong(found: list[Finding]) -> list[str]:
    """The codes of what is worse than a note."""
    return [f.code for f in found if f.severity.rank > Severity.NOTE.rank]


def trunk(pbx: Registrar, **keys: Any) -> Trunk:
    """A trunk to that registrar, with a registration."""
    host, port = pbx.address
    usual = {"host": host, "port": port, "username": "7000", "password": "secret"}
    patience = {"registration": True, "answer_seconds": 10.0}
    return Trunk.model_validate({**usual, **patience, **keys})


def only(port: int) -> Sip:
    """SIP by UDP on that port, and nothing else."""
    return Sip(listen=(Listener(port=port),))
