"""The zygote's heap in huge pages: what was in it stays, and nothing is claimed that is not so."""

import subprocess
import sys

_PROGRAM = """
import re
from pathlib import Path
from sipagent.worker.heap import collapse_heap
kept = [str(number) * 20 for number in range(200_000)]
collapsed = collapse_heap()
assert all(text == str(number) * 20 for number, text in enumerate(kept)), "the heap changed"
rollup = Path("/proc/self/smaps_rollup").read_text()
print(collapsed, int(re.search(r"AnonHugePages:\\s+(\\d+)", rollup)[1]))
"""


def test_the_heap_is_as_it_was_and_huge_where_the_kernel_can() -> None:
    run = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    collapsed, huge_kilobytes = map(int, run.stdout.split())
    assert huge_kilobytes >= 2048 * collapsed
