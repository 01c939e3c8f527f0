"""Peers of tests do not outlive them."""

import asyncio
import signal
import sys
from pathlib import Path

from sipagent.testing.mortal import until

STARTS = """
import asyncio, os, signal, sys
from pathlib import Path
from sipagent.testing import processes

async def main():
    folder = Path(sys.argv[1])
    peer = await processes.start(["sleep", "600"], folder / "log", folder)
    (folder / "pid").write_text(str(peer.pid))
    while not Path(f"/proc/{peer.pid}/cmdline").read_bytes().startswith(b"sleep"):
        await asyncio.sleep(0.01)
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


async def test_a_peer_ends_with_the_tests_that_are_killed(tmp_path: Path) -> None:
    starter = await asyncio.create_subprocess_exec(sys.executable, "-c", STARTS, str(tmp_path))
    assert await starter.wait() == -signal.SIGKILL
    peer = Path("/proc", (tmp_path / "pid").read_text(), "cmdline")
    await until(lambda: not peer.exists() or b"sleep" not in peer.read_bytes())
