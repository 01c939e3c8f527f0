"""A server whose plans are written in the test, and phones that call it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from sipagent.testing.phone import Phone
from sipagent.testing.server import Server, running

Serve = Callable[..., Awaitable[Server]]
Open = Callable[..., Awaitable[Phone]]

#: answers, and sends back what it hears
ECHO = """
routes: [{to: "100"}]
agents: {echo: {brain: {provider: echo}}}
sections: {main: [answer, {ai: {agent: echo}}]}
"""


@pytest.fixture
async def serve(tmp_path: Path) -> AsyncIterator[Serve]:
    """Start a server with a plan: `await serve(PLAN, media=...)`."""
    async with AsyncExitStack() as stack:

        async def start(plan: str = ECHO, **settings: Any) -> Server:
            return await stack.enter_async_context(running(tmp_path, plan, **settings))

        yield start


@pytest.fixture
async def phone() -> AsyncIterator[Open]:
    """Open a phone: `await phone(user="alice")`."""
    async with AsyncExitStack() as stack:

        async def start(**how: Any) -> Phone:
            return await stack.enter_async_context(Phone(**how))

        yield start
