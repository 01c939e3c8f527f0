"""`sipagent serve` as a process: signals, and what they leave behind."""

import asyncio
import json
import os
import shutil
import signal
import sys
import tempfile
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sipagent.errors import LegFailed
from sipagent.media.precedence import NICENESS, may_run_ahead
from sipagent.testing import processes
from sipagent.testing.call import PhoneCall
from sipagent.testing.phone import Phone

GOOD = """
routes: [{to: "100"}]
sections:
  main: [answer, {sleep: {duration: 600000}}]
"""
OTHER = GOOD.replace('"100"', '"200"')
BROKEN = GOOD.replace("answer", "anwser")


#: servers are started one at a time: each takes seconds of computing
pytestmark = pytest.mark.xdist_group("processes")


class Service:
    """The process, what it logs, and every process it has started."""

    def __init__(self, process: Process, folder: Path, run_dir: Path) -> None:
        self.process = process
        self.run_dir = run_dir
        self.plan = folder / "plans" / "plan.yaml"
        self.log = folder / "server.log"
        self.address = ""

    def uri(self, number: str = "100") -> str:
        return f"sip:{number}@{self.address}"

    def entries(self, event: str) -> list[dict[str, object]]:
        lines = self.log.read_text().splitlines()
        found = (json.loads(line) for line in lines if line.startswith("{"))
        return [entry for entry in found if entry.get("event") == event]

    async def logged(self, event: str, number: int = 1, timeout: float = 90) -> dict[str, object]:
        """The `number`th entry of that event. Raises TimeoutError."""
        async with asyncio.timeout(timeout):
            while len(self.entries(event)) < number:
                assert self.process.returncode is None, self.log.read_text()
                await asyncio.sleep(0.02)
        return self.entries(event)[number - 1]

    async def exit_code(self, timeout: float = 20) -> int:
        async with asyncio.timeout(timeout):
            return await self.process.wait()

    def family(self) -> list[int]:
        """Every process below this one."""
        return below(self.process.pid)


def below(pid: int) -> list[int]:
    try:
        tasks = [p / "children" for p in Path(f"/proc/{pid}/task").iterdir()]
        children = [int(child) for path in tasks for child in path.read_text().split()]
    except OSError:
        return []
    return [*children, *(pid for child in children for pid in below(child))]


def alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


async def all_gone(pids: list[int]) -> bool:
    """None of these processes is left before long."""
    for _ in range(3000):
        if not any(map(alive, pids)):
            return True
        await asyncio.sleep(0.01)
    return False


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    (tmp_path / "plans").mkdir()
    (tmp_path / "plans" / "plan.yaml").write_text(GOOD)
    settings = {
        "sip": {"listen": [{"transport": "udp", "host": "127.0.0.1", "port": 0}]},
        "limits": {"warm": 1, "drain_seconds": 20, "orphan_seconds": 1},
        "dialplans": ["plans"],
        "tools": [],
    }
    (tmp_path / "sipagent.yaml").write_text(json.dumps(settings))
    run_dir = Path(tempfile.mkdtemp(prefix="sa-"))  # a socket's path has to be short
    environment = {"SIPAGENT_LOG__FORMAT": "json", "TMPDIR": str(run_dir)}
    with (tmp_path / "server.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "sipagent", "serve", "--config", "sipagent.yaml"),
            cwd=tmp_path,
            stdout=log,
            stderr=log,
            env=os.environ | environment,
        )
    made = Service(process, tmp_path, run_dir)
    try:
        made.address = str((await made.logged("serving"))["sip"])
        yield made
    finally:
        await processes.stop(process)
    run_dir.rmdir()  # which has to be empty


async def answered(phone: Phone, service: Service) -> PhoneCall:
    call = await phone.dial(service.uri())
    await call.wait_answered()
    return call


async def status(phone: Phone, uri: str) -> int:
    """The final status of a call; an answered one is ended."""
    call = await phone.dial(uri)
    try:
        await call.wait_answered()
    except LegFailed as refused:
        return refused.status
    await call.hangup()
    return 200


async def test_sigterm_lets_live_calls_finish_and_takes_no_new_one(service: Service) -> None:
    async with Phone() as phone:
        call = await answered(phone, service)
        family = service.family()
        service.process.send_signal(signal.SIGTERM)
        await service.logged("draining")
        assert await status(phone, service.uri()) == 503
        assert not call.ended.done()
        since = len(call.received)
        async with asyncio.timeout(20):
            while len(call.received) == since:
                await asyncio.sleep(0.02)
        await call.hangup()
        assert await service.exit_code() == 0
    assert await all_gone(family)
    ended = service.entries("call_ended")
    assert [(entry["by"], entry["status"]) for entry in ended] == [("caller", 200)]


async def test_a_second_sigterm_hangs_up_at_once(service: Service) -> None:
    async with Phone() as phone:
        call = await answered(phone, service)
        family = service.family()
        service.process.send_signal(signal.SIGTERM)
        await service.logged("draining")
        service.process.send_signal(signal.SIGTERM)
        end = await call.wait_ended(10)
        assert (end.by, end.status) == ("remote", 200)
        assert await service.exit_code(10) == 0
    assert await all_gone(family)
    assert [entry["by"] for entry in service.entries("call_ended")] == ["system"]


async def test_nothing_is_left_of_a_server_that_is_killed_and_does_not_come_back(
    service: Service,
) -> None:
    async with Phone() as phone:
        call = await answered(phone, service)
        family = service.family()
        service.process.kill()
        assert await service.exit_code() == -signal.SIGKILL
        assert await all_gone(family)
        call.session.abandon()
    for left in service.run_dir.iterdir():  # SIGKILL leaves its folder
        shutil.rmtree(left)


async def test_a_reload_that_fails_keeps_the_plan_in_force(service: Service) -> None:
    async with Phone() as phone:
        service.plan.write_text(BROKEN)
        service.process.send_signal(signal.SIGHUP)
        finding = await service.logged("plan_finding")
        assert "plan.yaml:4" in str(finding["finding"])
        assert "answer" in str(finding["finding"])
        await service.logged("dialplans_reloaded")
        assert await status(phone, service.uri()) == 200
        service.plan.write_text(OTHER)
        service.process.send_signal(signal.SIGHUP)
        await service.logged("dialplans_reloaded", 2)
        assert await status(phone, service.uri("100")) == 404
        assert await status(phone, service.uri("200")) == 200
        service.process.send_signal(signal.SIGTERM)
        assert await service.exit_code() == 0


async def test_who_answers_sip_comes_before_those_who_talk(service: Service) -> None:
    expected = NICENESS if may_run_ahead() else 0
    assert os.getpriority(os.PRIO_PROCESS, service.process.pid) == expected
    others = service.family()
    assert others
    assert {os.getpriority(os.PRIO_PROCESS, pid) for pid in others} == {0}
