"""Models that take a moment to load, once for the room."""

import pytest

from sipagent.providers.grammar import GrammarModels
from sipagent.providers.silero import Silero


@pytest.fixture(scope="session")
def models() -> GrammarModels:
    return GrammarModels()


@pytest.fixture(scope="session")
def silero() -> Silero:
    return Silero()
