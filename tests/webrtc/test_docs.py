"""What docs/webrtc.md shows is true, and what is not asked for is not loaded."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from sipagent.config import load

DOC = (Path(__file__).parents[2] / "docs" / "webrtc.md").read_text(encoding="utf-8")
SCRIPT = Path(__file__).parents[2] / "sipagent" / "api" / "phone" / "phone.js"


def test_the_settings_it_shows_are_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TURN_SECRET", "DESK_TOKEN", "SITE_TOKEN"):
        monkeypatch.setenv(name, "secret")
    (example,) = re.findall(r"```yaml\n(.*?)```", DOC, re.DOTALL)
    (tmp_path / "sipagent.yaml").write_text(example)
    webrtc = load(tmp_path / "sipagent.yaml").webrtc
    assert webrtc is not None
    assert webrtc.ice_servers[0].secret is not None


def test_the_methods_it_names_are_those_of_the_script() -> None:
    script = SCRIPT.read_text(encoding="utf-8")
    section = DOC[DOC.index("## On a page") : DOC.index("## Tokens")]
    named = {*re.findall(r"`\.(\w+)\(", section), *re.findall(r"`(on\w+)`", section)}
    assert named >= {"answer", "hangup", "press", "listen", "onring"}
    for name in named:
        assert re.search(rf"^  (?:async )?{name}\(|this\.{name} =", script, re.MULTILINE), name


def test_a_server_without_browsers_loads_none_of_it() -> None:
    code = "import sys, sipagent.worker.main, sipagent.app.gateway; print('aiortc' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
