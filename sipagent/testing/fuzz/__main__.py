"""`python -m sipagent.testing.fuzz`: damaged messages at the front door, or the HTTP API fuzzed."""

import argparse
import asyncio
import logging
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import structlog

from .door import fuzz_door
from .http_server import fuzz_http
from .mutator import Mutator, packets_in


def main() -> int:
    """Send them and say what came of it; 1 where something is wrong."""
    parser = argparse.ArgumentParser(prog="python -m sipagent.testing.fuzz", description=__doc__)
    parser.add_argument("--messages", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=5060)
    parser.add_argument("--http", type=int, default=0, metavar="EXAMPLES", help="the API instead")
    parser.add_argument("--packets", type=Path, default=Path("tests/packets"))
    given = parser.parse_args()
    # an exception of ours is an error in the log: those alone are worth reading here
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))

    if given.http:
        with TemporaryDirectory() as folder:
            told = asyncio.run(fuzz_http(Path(folder), given.http))
        sys.stdout.write("\n\n".join([f"{told.requests} requests", *told.faults]) + "\n")
        return 1 if told.faults else 0

    def progress(done: int) -> None:
        if done % 10_000 == 0:
            sys.stderr.write(f"{done} of {given.messages}\n")

    mutator = Mutator(packets_in(given.packets), given.seed)
    report = asyncio.run(fuzz_door(mutator, given.messages, seed=given.seed, progress=progress))
    sys.stdout.write(f"{report}\n")
    return 1 if report.faults else 0


if __name__ == "__main__":
    sys.exit(main())
