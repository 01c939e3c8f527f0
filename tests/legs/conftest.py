"""Scenarios in processes of their own, and SIPp, for the tests of the legs."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from sipagent.testing.actor import Launch, launching
from sipagent.testing.sipp import Sipp

_HERE = Path(__file__).parent


@pytest.fixture
async def launch() -> AsyncIterator[Launch]:
    """Start a scenario in another process; see `launching`."""
    async with launching() as start:
        yield start


StartSipp = Callable[..., Awaitable[Sipp]]


@pytest.fixture
async def sipp() -> AsyncIterator[StartSipp]:
    """Start SIPp: `await sipp("late_offer.xml", target=actor.address)`; without a target it
    waits for a call.
    """
    async with AsyncExitStack() as running:

        async def start(scenario: str, target: tuple[str, int] | None = None) -> Sipp:
            where = None if target is None else f"{target[0]}:{target[1]}"
            return await running.enter_async_context(Sipp(_HERE / "sipp" / scenario, target=where))

        yield start
