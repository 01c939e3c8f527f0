"""`python -m sipagent.testing.soak --calls 10000 --rate 50`: a soak from the shell."""

import argparse
import asyncio
import logging
import sys
import tempfile
from pathlib import Path

import structlog

from .run import soak


def main() -> int:
    """Soak and say what came of it; 1 where something is wrong."""
    parser = argparse.ArgumentParser(prog="python -m sipagent.testing.soak", description=__doc__)
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--rate", type=float, default=50.0, help="new calls a second")
    parser.add_argument("--at-once", type=int, default=400, help="calls the server has room for")
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))

    def progress(mib: float, live: int) -> None:
        sys.stderr.write(f"gateway {mib:.1f} MiB, {live} calls live\n")

    with tempfile.TemporaryDirectory(prefix="sipagent-soak-") as folder:
        report = asyncio.run(
            soak(Path(folder), given.calls, given.rate, at_once=given.at_once, progress=progress)
        )
    sys.stdout.write(f"{report}\n")
    return 1 if report.faults else 0


if __name__ == "__main__":
    sys.exit(main())
