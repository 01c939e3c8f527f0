"""Wire: a vendor's model, and the HTTP client under it that serves every turn of a call."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import httpx2
from pydantic_ai.models import Model
from pydantic_ai.settings import ModelSettings

from sipagent.call.tracing import trace_headers
from sipagent.errors import ProviderError

from ..trust import tls
from .options import HostedOptions, ModelOptions

CONNECT_SECONDS = 4.0
#: for servers of one's own that need no key, while their clients insist on one
NO_KEY = "none"


#: the responses that a reply has opened
_opened: ContextVar[list[httpx2.Response] | None] = ContextVar("opened", default=None)


async def _nothing() -> None:
    return


async def _trace(request: httpx2.Request) -> None:
    for name, value in trace_headers().items():
        request.headers.setdefault(name, value)


async def _note(response: httpx2.Response) -> None:
    opened = _opened.get()
    if opened is not None:
        opened.append(response)


@asynccontextmanager
async def closing_responses() -> AsyncIterator[None]:
    """Every response opened inside is closed at the end, so that the server stops writing: some
    vendors' clients leave that to the garbage collector.
    """
    opened: list[httpx2.Response] = []
    _opened.set(opened)
    try:
        yield
    finally:
        for response in opened:
            await response.aclose()


@dataclass(frozen=True, slots=True)
class Wire:
    """One instance a call, made after the fork, since it owns sockets. `name` is the provider's
    in sipagent.yaml, `url` where its API begins. `warm` opens the connection and may raise
    one of `failures`, the errors of the vendor's own client, which may come of a reply too.
    """

    name: str
    url: str
    model: Model
    settings: ModelSettings
    failures: tuple[type[Exception], ...] = ()
    warm: Callable[[], Awaitable[object]] = _nothing
    aclose: Callable[[], Awaitable[object]] = _nothing


def http_client(options: ModelOptions, url: str) -> httpx2.AsyncClient:
    """A client for one server: bounded waits, and redirections are not followed: who gave the key
    gave it for this server.
    """
    longest = max(options.first_token_seconds, options.stall_seconds)
    limit = httpx2.Timeout(longest, connect=min(CONNECT_SECONDS, longest))
    secure = url.lower().startswith("https:")
    return httpx2.AsyncClient(
        verify=tls() if secure else False,
        timeout=limit,
        follow_redirects=False,
        event_hooks={"request": [_trace], "response": [_note]},
    )


def key_of(name: str, options: HostedOptions, *variables: str) -> str:
    """The key for this server. Raises ProviderError where the vendor itself would be called
    without one.
    """
    if options.api_key is not None:
        return options.api_key.get_secret_value()
    if options.base_url is not None:
        return NO_KEY
    found = next(filter(None, map(os.environ.get, variables)), None)
    if found is None:
        cause = f"no API key: set api_key, or {variables[0]} in the environment"
        raise ProviderError(name, cause, retryable=False)
    return found


async def first(pages: AsyncIterator[object]) -> None:
    """Only to have asked."""
    await anext(pages, None)
