"""HttpDoor: one HTTP client to one vendor for one call, and its failures in plain words."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import structlog
from pydantic import SecretStr

from sipagent.call.tracing import trace_headers
from sipagent.errors import ProviderError

from ..refusals import refusal
from ..trust import tls

CONNECT_SECONDS = 3.0
#: of an error's body: enough for its message
_ERROR_BYTES = 4_096
_SAID = 200
_WARM_BYTES = 1_000_000
_KEPT_SECONDS = 120.0
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Where:
    """`base_url` is where the API begins, without a slash at its end; `silence` is the longest
    wait, in seconds, for an answer to begin or to go on.
    """

    base_url: str
    api_key: SecretStr | None
    silence: float


class HttpDoor:
    """Redirections are not followed: whoever gave the key meant this very server."""

    def __init__(self, provider: str, where: Where) -> None:
        """Raises ProviderError."""
        self.provider = provider
        self._where = where
        _check(provider, where.base_url)
        key = where.api_key
        secure = where.base_url.lower().startswith("https:")
        self._client = httpx.AsyncClient(
            headers={} if key is None else {"authorization": f"Bearer {key.get_secret_value()}"},
            timeout=httpx.Timeout(where.silence, connect=min(CONNECT_SECONDS, where.silence)),
            # as long as people may talk between two sentences of the agent
            limits=httpx.Limits(keepalive_expiry=_KEPT_SECONDS),
            verify=tls() if secure else False,
        )

    async def warm(self, path: str) -> None:
        """Open the connection with a small request. Any answer will do; none is only logged."""
        try:
            async with self._client.stream("GET", self._where.base_url + path) as response:
                # a connection is kept only where its answer was read to the end
                await self.whole(response, _WARM_BYTES)
        except (httpx.HTTPError, ProviderError) as error:
            _log.warning("speech_not_warmed", provider=self.provider, cause=str(error))

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    @asynccontextmanager
    async def ask(self, method: str, path: str, **request: Any) -> AsyncIterator[httpx.Response]:
        """An answer with a good status, its body still to be read with `body`.

        Raises ProviderError, also for what goes wrong while the body is read.
        """
        url = self._where.base_url + path
        headers = {**trace_headers(), **request.pop("headers", {})}
        try:
            async with self._client.stream(method, url, headers=headers, **request) as response:
                if not response.is_success:
                    raise await self._refused(response, url)
                yield response
        except httpx.TimeoutException as error:
            # no second try: the caller has waited long enough
            raise self._silent(error, url) from error
        except httpx.HTTPError as error:
            raise self._broken(error, url) from error

    async def body(self, response: httpx.Response, limit: int) -> AsyncIterator[bytes]:
        """The body as it comes. Raises ProviderError beyond `limit` bytes."""
        size = 0
        async for data in response.aiter_bytes():
            size += len(data)
            if size > limit:
                cause = f"{response.url} sent more than {limit} bytes: given up"
                raise ProviderError(self.provider, cause, retryable=False)
            yield data

    async def whole(self, response: httpx.Response, limit: int) -> bytes:
        """The body, all of it. Raises ProviderError beyond `limit` bytes."""
        return b"".join([data async for data in self.body(response, limit)])

    def malformed(self, response: httpx.Response, what: str) -> ProviderError:
        """The error of an answer that is not what the protocol says."""
        cause = f"{response.url} answered with {what}: is base_url right?"
        return ProviderError(self.provider, cause, retryable=False)

    def _silent(self, error: httpx.TimeoutException, url: str) -> ProviderError:
        if isinstance(error, httpx.ConnectTimeout):
            cause = f"cannot connect to {url} within {CONNECT_SECONDS:g} s: is the server up?"
        else:
            cause = f"{url} was silent for {self._where.silence:g} s"
        return ProviderError(self.provider, cause, retryable=False)

    def _broken(self, error: httpx.HTTPError, url: str) -> ProviderError:
        if isinstance(error, httpx.ConnectError):
            cause = f"cannot connect to {url}: is the server up and base_url right?"
        else:
            cause = f"the connection to {url} broke in the middle: {error or type(error).__name__}"
        return ProviderError(self.provider, cause)

    async def _refused(self, response: httpx.Response, url: str) -> ProviderError:
        said = ""
        # what servers say of a wrong key quotes it, sometimes
        if response.status_code not in (401, 403):
            said = _message(await self._beginning(response))
        after = response.headers.get("retry-after")
        return refusal(self.provider, response.status_code, url, retry_after=after, said=said)

    async def _beginning(self, response: httpx.Response) -> bytes:
        start = b""
        async for data in response.aiter_bytes():
            start += data
            if len(start) >= _ERROR_BYTES:
                break
        return start[:_ERROR_BYTES]


def _check(provider: str, base_url: str) -> None:
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL as error:
        cause = f"base_url {base_url!r} is no URL: {error}"
        raise ProviderError(provider, cause, retryable=False) from error
    if url.scheme not in ("http", "https") or not url.host:
        cause = f"base_url {base_url!r} is not http://host or https://host"
        raise ProviderError(provider, cause, retryable=False)


def _message(body: bytes) -> str:
    """The message of an OpenAI-like error, or nothing: pages of HTML help nobody."""
    try:
        told = json.loads(body)
    except ValueError:
        return ""
    error = told.get("error", told.get("detail", "")) if isinstance(told, dict) else ""
    text = error.get("message", "") if isinstance(error, dict) else error
    return str(text)[:_SAID]
