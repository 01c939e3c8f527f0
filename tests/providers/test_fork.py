"""A zygote loads; its children hear, speak and detect without loading or hanging."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("preforked.py")


@pytest.mark.parametrize("how", [[], ["--used"]], ids=["loaded", "loaded and used"])
def test_forked_children_hear_speak_and_detect(how: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *how], capture_output=True, timeout=60, check=True
    )
    children = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(children) == 3
    for child in children:
        assert child["heard"] == child["phrase"]
        assert child["speech"] > 0.9
        # The models stay the parent's: 28 MB of decoders and 6 MB of detectors are not copied.
        assert child["added_kb"] < 12_000, child
