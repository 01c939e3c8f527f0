"""The settings of docs/recordings.md load."""

import base64
import re
from pathlib import Path

import pytest

from sipagent.config import load

from .conftest import ROOT

DOC = (ROOT / "docs" / "recordings.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", DOC, re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_settings(
    example: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in re.findall(r"env:(\w+)", example):
        monkeypatch.setenv(name, base64.b64encode(bytes(32)).decode())
    file = tmp_path / "sipagent.yaml"
    file.write_text(example)
    store = load(file).store
    if store.upload is not None:
        assert store.upload.keep_local is not None
    else:
        assert store.encryption is not None
        assert store.encryption.current in store.encryption.keys
