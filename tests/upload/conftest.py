"""Object storage, and haste."""

from collections.abc import AsyncIterator

import pytest

from sipagent.app import uploading
from sipagent.app import uploads as module

from .object_store import Door, object_store


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    async with object_store() as made:
        yield made


@pytest.fixture(autouse=True)
def in_haste(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks and second attempts come soon."""
    monkeypatch.setattr(module, "_LOOK", 0.05)
    monkeypatch.setattr(uploading, "_FIRST", 0.05)
    monkeypatch.setattr(uploading, "_LONGEST", 0.2)
    monkeypatch.setattr(module, "_OFTEN", 0.05)
