"""A server over streamable HTTP: bounded answers, and only judged addresses where it matters."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx2
from mcp.client._transport import TransportStreams
from mcp.client.auth.extensions.client_credentials import ClientCredentialsOAuthProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientInformationFull, OAuthToken

from sipagent.call.tracing import trace_headers
from sipagent.call.web import WebFailed
from sipagent.config.mcp import ClientCredentials
from sipagent.providers.trust import tls

#: bytes of one answer, or of one event of a stream
MOST = 4 << 20
#: seconds: a server may be silent for long on a stream, and not when it is called on
_CONNECT, _READ = 5.0, 300.0
_REFUSED = (401, 403)
#: the addresses of a host that may be connected to; raises WebFailed
Addresses = Callable[[str, int], Awaitable[Sequence[str]]]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server is, and who we are to it. Without `addresses` its host is trusted."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    oauth: ClientCredentials | None = None
    addresses: Addresses | None = None


@asynccontextmanager
async def http(place: Place) -> AsyncIterator[TransportStreams]:
    """The streams of a connection."""
    headers = {**place.headers, "Accept-Encoding": "identity"}
    async with (
        httpx2.AsyncClient(
            headers=headers,
            auth=_auth(place),
            timeout=httpx2.Timeout(_CONNECT, read=_READ),
            transport=_Bounded(httpx2.AsyncHTTPTransport(verify=tls()), place),
            trust_env=False,
        ) as client,
        streamable_http_client(place.url, http_client=client, max_sse_event_size=MOST) as streams,
    ):
        yield streams


def _auth(place: Place) -> httpx2.Auth | None:
    given = place.oauth
    if given is None:
        return None
    return ClientCredentialsOAuthProvider(
        place.url,
        _Kept(),
        given.client_id,
        given.client_secret.get_secret_value(),
        scope=given.scope,
        issuer=given.issuer,
    )


class _Kept:
    """A token for as long as the call lasts."""

    def __init__(self) -> None:
        self._token: OAuthToken | None = None
        self._client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self._token

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self._token = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self._client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self._client = client_info


class _Bounded(httpx2.AsyncBaseTransport):
    """Answers no larger than `MOST`; each connection goes to an address that was judged."""

    def __init__(self, inner: httpx2.AsyncBaseTransport, place: Place) -> None:
        self._inner = inner
        self._addresses = place.addresses
        # a 401 is where OAuth begins
        self._refusals = () if place.oauth is not None else _REFUSED

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        for name, value in trace_headers().items():
            request.headers.setdefault(name, value)
        if self._addresses is not None:
            request = await self._pinned(request, self._addresses)
        response = await self._inner.handle_async_request(request)
        if response.status_code in self._refusals:
            await response.aclose()
            words = f"it refuses us ({response.status_code}): are token and headers right?"
            raise httpx2.ConnectError(words)
        stream = response.stream
        if response.headers.get("content-type", "").startswith("text/event-stream"):
            return response
        assert isinstance(stream, httpx2.AsyncByteStream)
        return httpx2.Response(
            response.status_code,
            headers=response.headers,
            stream=_Counted(stream),
            extensions=response.extensions,
        )

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def _pinned(self, request: httpx2.Request, addresses: Addresses) -> httpx2.Request:
        url = request.url
        port = url.port or (443 if url.scheme == "https" else 80)
        try:
            found = await addresses(url.host, port)
        except WebFailed as error:
            raise httpx2.ConnectError(str(error)) from error
        return httpx2.Request(
            request.method,
            url.copy_with(host=found[0]),
            headers=request.headers,
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": url.host},
        )


class _Counted(httpx2.AsyncByteStream):
    def __init__(self, inner: httpx2.AsyncByteStream) -> None:
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in self._inner:
            size += len(chunk)
            if size > MOST:
                raise httpx2.ReadError(f"an answer of more than {MOST} bytes")
            yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()
