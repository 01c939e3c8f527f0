"""One server with staged calls, and one browser, for all tests of a module: both take seconds."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import expect

from sipagent.testing.chromium import Chromium, chromium
from sipagent.testing.server import Server, running

from ..api.door import FEW, Tokens
from .stage import OTHERS, PLANS, StagedCall, calls

#: ms; the machine may be busy with other tests
expect.set_options(timeout=20_000)


@dataclass(frozen=True, slots=True)
class Stage:
    """What a test of a page has to do with."""

    server: Server
    tokens: Tokens
    calls: dict[str, StagedCall]

    def token(self, role: str = "admin") -> str:
        return self.tokens.of[role]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    tokens = Tokens(requests_per_second=1000)
    folder: Path = tmp_path_factory.mktemp("console")
    async with running(folder, PLANS, limits=FEW, api=tokens.api, **OTHERS) as server:
        staged = calls(server)
        await server.bundle(staged["over"].call_id)
        yield Stage(server, tokens, staged)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Chromium]:
    async with chromium() as opened:
        yield opened
