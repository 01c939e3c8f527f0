"""Exchange: the call that runs, and what its server asks of the caller meanwhile."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mcp.client.context import ClientRequestContext
from mcp_types import ElicitRequestFormParams, ElicitRequestParams, ElicitResult

from sipagent.call.interview import Answers
from sipagent.tools.mcp.server import Elicitation, Hooks


class Exchange:
    """One instance a connection. An agent runs its tools one after another."""

    def __init__(self) -> None:
        self._hooks: Hooks | None = None
        self._turn = asyncio.Lock()
        self._asking: asyncio.Task[Any] | None = None

    @contextmanager
    def with_hooks(self, hooks: Hooks) -> Iterator[None]:
        """While the block runs, these are asked; what they are still asked then is cancelled."""
        self._hooks = hooks
        try:
            yield
        finally:
            self._hooks = None
            if self._asking is not None:
                self._asking.cancel()

    async def elicited(
        self, context: ClientRequestContext, params: ElicitRequestParams
    ) -> ElicitResult:
        """The SDK's callback, in either era. Several questions come one after another."""
        async with self._turn:
            hooks = self._hooks
            if hooks is None:
                # nobody waits for a tool: out of the blue the caller is asked nothing
                return ElicitResult(action="decline")
            answers = await self._ask(hooks, _asked(params))
            if isinstance(params, ElicitRequestFormParams) and answers.action == "accept":
                return ElicitResult(action="accept", content=dict(answers.values))
            return ElicitResult(action=answers.action)

    async def _ask(self, hooks: Hooks, asked: Elicitation) -> Answers:
        async def ask() -> Answers:
            return await hooks.elicit(asked)

        self._asking = asyncio.ensure_future(ask())
        try:
            await asyncio.wait({self._asking})
            return Answers("cancel") if self._asking.cancelled() else self._asking.result()
        finally:
            self._asking.cancel()
            self._asking = None


def _asked(params: ElicitRequestParams) -> Elicitation:
    if isinstance(params, ElicitRequestFormParams):
        return Elicitation(params.message, dict(params.requested_schema))
    return Elicitation(params.message, url=params.url)
