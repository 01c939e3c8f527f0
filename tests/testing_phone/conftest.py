"""Two phones that know each other."""

from collections.abc import AsyncIterator

import pytest

from sipagent.testing.phone import Phone


@pytest.fixture
async def alice() -> AsyncIterator[Phone]:
    async with Phone(user="alice") as phone:
        yield phone


@pytest.fixture
async def bob() -> AsyncIterator[Phone]:
    async with Phone(user="bob") as phone:
        yield phone
