"""Providers of other packages: found by their entry points, and blamed for their own faults."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sipagent.config import Settings
from sipagent.providers.registry import known_providers

MODULE = """
from collections.abc import AsyncIterator

class Mouth:
    def __init__(self, rate, options):
        self.rate, self.options = rate, options
    async def synthesize(self, text, tongue=None):
        yield bytes(2 * self.rate)

def mouth(kit, name, options):
    if "wrong" in options:
        raise KeyError("a bug of theirs")
    return Mouth(kit.rate, dict(options))
"""

ASK = """
import json, sys
from sipagent.agent.spec import AgentSpec, ProviderRef
from sipagent.config import Settings
from sipagent.errors import ProviderError
from sipagent.providers.kit import Kit
from sipagent.providers.registry import EARS, MOUTHS, known_providers, late_kinds, pick
settings = Settings()
def made(makers, **ref):
    try:
        organ = pick(makers, ProviderRef(**ref), Kit(8000, AgentSpec(), None), settings)
        return [type(organ).__name__, organ.options]
    except ProviderError as error:
        return str(error)
imported = "their_voices" in sys.modules
print(json.dumps({
    "known": "theirs" in known_providers(settings),
    "imported": imported,
    "late": len(late_kinds(settings, [b"voice: {provider: theirs}"])),
    "mouth": made(MOUTHS, provider="theirs", tone="warm"),
    "ears": made(EARS, provider="theirs"),
    "bug": made(MOUTHS, provider="theirs", wrong=1),
    "broken": made(MOUTHS, provider="broken"),
}))
"""


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a server says beside which a package with two entry points is installed."""
    folder: Path = tmp_path_factory.mktemp("site")
    (folder / "their_voices.py").write_text(MODULE)
    info = folder / "their_voices-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: their-voices\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[sipagent.providers]\ntheirs = their_voices\nbroken = not_there_at_all\n"
    )
    code = f"import sys; sys.path.insert(0, {str(folder)!r})\n{ASK}"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_an_entry_point_is_a_provider_that_plans_may_name(answers: dict[str, Any]) -> None:
    assert answers["known"]
    assert answers["mouth"] == ["Mouth", {"tone": "warm"}]
    assert "theirs" not in known_providers(Settings())


def test_it_is_imported_only_where_it_is_wanted_and_before_the_fork(
    answers: dict[str, Any],
) -> None:
    assert not answers["imported"]
    assert answers["late"] == 3


def test_what_is_wrong_with_it_names_the_package(answers: dict[str, Any]) -> None:
    assert answers["ears"] == "theirs: their_voices of their-voices brings no ears"
    assert answers["bug"] == (
        "theirs: their_voices of their-voices failed: KeyError: 'a bug of theirs'"
    )
    assert answers["broken"].startswith(
        "broken: not_there_at_all of their-voices cannot be imported: ModuleNotFoundError"
    )
