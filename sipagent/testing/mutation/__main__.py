"""`python -m sipagent.testing.mutation [SCENARIOS ...]`: which faults do these scenarios find?"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from sipagent.config import Settings
from sipagent.errors import SipAgentError
from sipagent.testing.scenarios import scenario_files
from sipagent.testing.scenarios.running import cores

from .trying import Tried, try_out

#: of the faults of each plan, so many have to be found
GOAL = 0.9


def main() -> int:
    """1 where a plan's scenarios find too few."""
    parser = argparse.ArgumentParser(prog="python -m sipagent.testing.mutation")
    parser.add_argument("paths", nargs="*", type=Path, default=[Path("dialplans")])
    parser.add_argument("--most", type=int, default=0, help="faults a plan; default: all")
    parser.add_argument("--jobs", type=int, default=cores())
    given = parser.parse_args()

    def progress(tried: Tried, done: int, of: int) -> None:
        sys.stderr.write(f"\r{done}/{of}")

    try:
        files = scenario_files(given.paths)
        tried = try_out(files, Settings(), most=given.most, jobs=given.jobs, progress=progress)
    except SipAgentError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stderr.write("\n")
    return 0 if _report(tried) else 1


def _report(tried: Sequence[Tried]) -> bool:
    """A line a plan, and each fault that nobody found."""
    good = True
    for plan in dict.fromkeys(one.plan for one in tried):
        own = [one for one in tried if one.plan == plan]
        found = sum(one.found for one in own)
        good &= found >= GOAL * len(own)
        sys.stdout.write(
            f"{plan:<14} {found:>3} of {len(own):>3} found, {100 * found // len(own)} %\n"
        )
        for one in own:
            if not one.found:
                sys.stdout.write(f"    {one.where}: {one.what}\n")
    return good


if __name__ == "__main__":
    raise SystemExit(main())
