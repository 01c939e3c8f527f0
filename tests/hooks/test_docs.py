"""The examples of docs/webhooks.md: settings that load, a check that works, groups as they are."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from sipagent.app.hooks.signing import keys_of, signed
from sipagent.config import load
from sipagent.config.webhooks import GROUPS

DOC = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text(encoding="utf-8")
SECRET = "a secret of some length"


def test_the_settings_load_and_what_is_signed_by_them_passes_the_check_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRM_HOOK_SECRET", SECRET)
    file = tmp_path / "sipagent.yaml"
    (settings,) = re.findall(r"```yaml\n(.*?)```", DOC, re.DOTALL)
    file.write_text(settings)
    hooks = load(file).webhooks
    assert hooks["quality"].personal
    assert hooks["quality"].secret_file == (Path("/run/secrets/quality"),)
    (code,) = re.findall(r"```python\n(.*?)```", DOC, re.DOTALL)
    told: dict[str, Any] = {}
    exec(code, told)
    genuine: Callable[[Mapping[str, str], bytes, bytes], bool] = told["genuine"]
    now = int(told["time"].time())
    headers = signed("c1_call_ended", now, b"{}", keys_of("crm", hooks["crm"]))
    assert genuine(headers, b"{}", SECRET.encode())
    assert not genuine(headers, b"{ }", SECRET.encode())
    assert not genuine(headers, b"{}", b"another secret")


def test_the_groups_are_those_there_are() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (`.*`) \|$", DOC, re.MULTILINE))
    told = {name: frozenset(re.findall(r"`(\w+)`", types)) for name, types in rows.items()}
    assert told == {name: types for name, types in GROUPS.items() if name != "all"}
