"""A server for a whole file, and two phones its plans may call."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from sipagent.testing.phone import Phone
from sipagent.testing.server import Server, running

Serve = Callable[[Mapping[str, str]], AbstractAsyncContextManager[tuple[Server, Phone]]]


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Serve:
    """Serve plans by name; SALES in them is the address of the phone that comes with it."""

    @asynccontextmanager
    async def serve(plans: Mapping[str, str]) -> AsyncIterator[tuple[Server, Phone]]:
        folder: Path = tmp_path_factory.mktemp("server")
        async with Phone(user="sales") as sales:
            written = {name: text.replace("SALES", sales.uri) for name, text in plans.items()}
            async with running(folder, written) as server:
                yield server, sales

    return serve
