"""`sipagent trunks`: what the running server knows about its trunks."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sipagent.app.trunk_file import TrunkFile, TrunkReport, read_report
from sipagent.config import Trunk
from sipagent.edge.trunks.status import Cause, Reach, Standing, TrunkStatus, from_now
from sipagent.testing.program import Run
from sipagent.testing.registrar import Registrar
from sipagent.testing.server import running

SETTINGS = """
trunks:
  pbx: {host: pbx.example, username: "7000", registration: true}
store: {bundles: calls}
"""
REGISTERED = TrunkStatus(
    name="pbx",
    host="pbx.example",
    reach=Reach.UP,
    registration=Standing.REGISTERED,
    registrar="192.0.2.1:5060",
    expires=from_now(600),
    calls=2,
    limit=30,
)
FAILED = TrunkStatus(
    name="pbx",
    host="pbx.example",
    reach=Reach.DOWN,
    registration=Standing.FAILED,
    cause=Cause.WRONG_PASSWORD,
    why="wrong password: 401 Unauthorized",
    retry=from_now(40),
    failures=3,
)
PLAN = "routes: [{to: '100'}]\nsections: {main: [answer, hangup]}\n"


@pytest.fixture
def settings(folder: Path) -> Path:
    """A settings file with a trunk in the working directory; where its report would lie."""
    (folder / "sipagent.yaml").write_text(SETTINGS)
    (folder / "calls").mkdir()
    return folder / "calls" / "trunks.json"


def write(path: Path, *statuses: TrunkStatus, pid: int | None = None) -> None:
    path.write_text(TrunkReport(pid=pid or os.getpid(), trunks=statuses).model_dump_json())


def one_line(text: str) -> str:
    return " ".join(text.split())


def test_a_registered_trunk_is_shown(settings: Path, run: Run) -> None:
    write(settings, REGISTERED)
    ran = run("trunks")
    assert ran.code == 0
    assert "up" in ran.out
    assert "registered at 192.0.2.1:5060" in one_line(ran.out)
    assert "2/30" in ran.out


def test_a_trunk_that_is_down_says_why_and_is_exit_code_1(settings: Path, run: Run) -> None:
    write(settings, FAILED)
    ran = run("trunks")
    assert ran.code == 1
    assert "pbx: wrong password: 401 Unauthorized" in ran.out
    assert "failed 3 times" in one_line(ran.out)


def test_programs_get_json(settings: Path, run: Run) -> None:
    write(settings, REGISTERED)
    shown = json.loads(run("trunks", "--json").out)
    assert TrunkStatus.model_validate(shown[0]) == REGISTERED


@pytest.mark.parametrize("content", [None, "{", "gone"])
def test_without_a_running_server_it_says_so(settings: Path, run: Run, content: str | None) -> None:
    if content == "gone":
        ended = subprocess.Popen([sys.executable, "-c", ""])
        ended.wait()
        write(settings, REGISTERED, pid=ended.pid)
    elif content is not None:
        settings.write_text(content)
    ran = run("trunks")
    assert ran.code == 1
    assert "no server is running" in one_line(ran.err)


def test_without_trunks_it_says_so(folder: Path, run: Run) -> None:
    ran = run("trunks")
    assert ran.code == 1
    assert "no trunks" in ran.err


@pytest.mark.slow
async def test_a_server_keeps_its_report_until_it_ends(tmp_path: Path) -> None:
    folder = tmp_path / "bundles"
    async with Registrar() as pbx:
        host, port = pbx.address
        keys = {"host": host, "port": port, "username": "7000", "password": "secret"}
        trunk = Trunk.model_validate(keys | {"registration": True, "answer_seconds": 0.3})
        async with running(tmp_path, PLAN, trunks={"pbx": trunk}) as server:

            def shows(standing: Standing) -> bool:
                report = read_report(folder)
                return report is not None and report.trunks[0].registration is standing

            await server.wait_for(lambda: shows(Standing.REGISTERED))
            report = read_report(folder)
            assert report is not None
            assert (report.pid, report.current) == (os.getpid(), True)
            pbx.status = 403
            before = len(pbx.registers)
            server.gateway.reload()
            await pbx.until(lambda: len(pbx.registers) > before)
            await server.wait_for(lambda: shows(Standing.FAILED))
            pbx.status = 200
            server.gateway.reload()
            await server.wait_for(lambda: shows(Standing.REGISTERED))
            await server.gateway.drain()
            assert pbx.registers[-1].text(b"expires") == b"0"
    assert read_report(folder) is None


async def test_a_server_without_trunks_writes_none(tmp_path: Path) -> None:
    file = TrunkFile(tmp_path)
    file.start(lambda: ())
    await file.close()
    assert list(tmp_path.iterdir()) == []
