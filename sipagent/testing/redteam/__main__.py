"""`python -m sipagent.testing.redteam`: every attack, what came of it, and the score."""

import sys
import tempfile
from pathlib import Path

from .attacks import ATTACKS
from .trial import tried


def main() -> int:
    """1 where an attack came through."""
    with tempfile.TemporaryDirectory() as folder:
        verdicts = [tried(attack, Path(folder)) for attack in ATTACKS]
    for verdict in verdicts:
        what = verdict.harm or verdict.refusals[:1] or ("nothing came of it",)
        sys.stdout.write(
            f"{'held' if verdict.held else 'LOST'}  {verdict.attack.name}: {what[0]}\n"
        )
    held = sum(verdict.held for verdict in verdicts)
    sys.stdout.write(f"{held} of {len(verdicts)} attacks held\n")
    return 0 if held == len(verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
