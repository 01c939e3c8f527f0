"""The settings of docs/tracing.md are settings, with the values that stand without them."""

import re

from sipagent.config import Settings
from sipagent.config.hep import Hep
from sipagent.config.tracing import Tracing
from sipagent.sources import parse

from .conftest import ROOT

DOC = (ROOT / "docs" / "tracing.md").read_text(encoding="utf-8")
TRACING, HEP = (
    Settings.model_validate(parse(text, "tracing.md").data)
    for text in re.findall(r"```yaml\n(.*?)```", DOC, re.DOTALL)
)


def test_the_examples_show_what_stands_without_them() -> None:
    assert TRACING.tracing is not None
    assert TRACING.tracing == Tracing(endpoint=TRACING.tracing.endpoint)
    assert HEP.hep == Hep(server="udp://127.0.0.1:9060")


def test_every_key_is_shown() -> None:
    for part in (Tracing, Hep):
        for key in part.model_fields:
            assert re.search(rf"^  (?:# )?{key}: ", DOC, re.MULTILINE), key
