"""HttpWeb: all that a call asks on the web, within the operator's bounds and on record."""

import asyncio
import ssl
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol

import httpcore

from sipagent.call.web import WebFailed, WebReply, WebRequest, WebUnreachable, without_secrets
from sipagent.config import Web as WebSettings
from sipagent.events import WebAsked
from sipagent.providers.trust import tls

from .body import Body
from .guard import Guard, Resolve, resolve
from .hop import Hop, first
from .network import GuardedNetwork
from .signing import signatures

MAX_REDIRECTS = 3
#: connections at once, those kept open, and for how long: many a server closes them after five
_CONNECTIONS, _KEPT, _KEPT_SECONDS = 10, 5, 4.0
#: bytes of all headers of an answer that are kept
_MAX_HEADERS = 64 << 10


class Tell(Protocol):
    """Puts an event on record, as `CallSession.emit`."""

    def __call__(self, kind: type[WebAsked], **fields: Any) -> None:
        """`fields` are the event's."""
        ...


@dataclass(slots=True)
class _Seen:
    """What came of one request so far, for the record."""

    hop: Hop
    status: int | None = None
    size: int = 0
    error: str = ""


class HttpWeb:
    """Behind `Web`, for one call; `close` ends its connections. `tell` is set once there is a
    record to tell.
    """

    def __init__(
        self,
        settings: WebSettings,
        *,
        resolve: Resolve = resolve,
        trust: Callable[[], ssl.SSLContext] = tls,
    ) -> None:
        """`trust` makes what certificates are judged by."""
        self._settings = settings
        self._trust = trust
        self._guard = Guard(settings.allow, resolve)
        #: made when it is first needed: most calls ask nobody
        self._pool: httpcore.AsyncConnectionPool | None = None
        self.tell: Tell | None = None

    async def ask(self, request: WebRequest) -> WebReply:
        """See `Web`."""
        loop = asyncio.get_running_loop()
        began, limit = loop.time(), min(request.timeout, self._settings.timeout)
        seen = _Seen(first(request))
        try:
            async with asyncio.timeout(limit):
                return await self._follow(request, seen)
        except TimeoutError as error:
            failed = WebFailed(f"{seen.hop.shown}: not there within {limit:g} s")
            seen.error = str(failed)
            raise failed from error
        except WebFailed as error:
            seen.error = str(error)
            raise
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException,
                httpcore.UnsupportedProtocol, OSError) as error:  # fmt: skip
            failed = WebFailed(f"{seen.hop.shown}: {_cause(error)}")
            seen.error = str(failed)
            raise failed from error
        finally:
            self._record(request, seen, round(1000 * (loop.time() - began)))

    async def close(self) -> None:
        """End every connection."""
        if self._pool is not None:
            await self._pool.aclose()

    def _connections(self) -> httpcore.AsyncConnectionPool:
        if self._pool is None:
            self._pool = httpcore.AsyncConnectionPool(
                ssl_context=self._trust(),
                max_connections=_CONNECTIONS,
                max_keepalive_connections=_KEPT,
                keepalive_expiry=_KEPT_SECONDS,
                network_backend=GuardedNetwork(self._guard),
            )
        return self._pool

    def _record(self, request: WebRequest, seen: _Seen, ms: int) -> None:
        if self.tell is not None:
            self.tell(
                WebAsked,
                by=request.by,
                method=request.method,
                host=seen.hop.host,
                path=seen.hop.url.path,
                status=seen.status,
                ms=ms,
                bytes=seen.size,
                error=seen.error,
            )

    async def _follow(self, request: WebRequest, seen: _Seen) -> WebReply:
        for hops in range(MAX_REDIRECTS + 1):
            try:
                reply = await self._once(request, seen)
            except WebUnreachable as error:
                if hops:
                    # whoever redirected us may have done something already
                    raise WebFailed(str(error)) from error
                raise
            following = seen.hop.after(reply.status, reply.headers.get("location", ""))
            if following is None:
                return reply
            seen.hop, seen.status = following, None
        raise WebFailed(f"{without_secrets(request.url)}: more than {MAX_REDIRECTS} redirects")

    async def _once(self, request: WebRequest, seen: _Seen) -> WebReply:
        hop = seen.hop
        connecting = min(request.connect_timeout, self._settings.connect_timeout)
        asked = httpcore.Request(
            hop.method,
            httpcore.URL(
                scheme=hop.url.raw_scheme,
                host=hop.url.raw_host,
                port=hop.port,
                target=hop.url.raw_path,
            ),
            headers=self._headers(hop),
            content=hop.body or b"",
            extensions={"timeout": {"connect": connecting}},
        )
        most = min(request.most, self._settings.most)
        response = await self._connections().handle_async_request(asked)
        try:
            seen.status = response.status
            headers = _read_headers(response.headers, hop.shown)
            body = Body(headers.get("content-encoding", ""), most, hop.shown)
            async for chunk in response.aiter_stream():
                body.feed(chunk)
            whole = body.whole()
        finally:
            await response.aclose()
        seen.size = len(whole)
        return WebReply(response.status, str(hop.url), headers, whole)

    def _headers(self, hop: Hop) -> list[tuple[bytes, bytes]]:
        headers = {
            "host": hop.host,
            "user-agent": self._settings.user_agent,
            "accept": "*/*",
            "accept-encoding": "gzip",
            **hop.headers,
            **self._signature(hop),
        }
        if hop.body is not None or hop.method not in ("GET", "DELETE"):
            headers["content-length"] = str(len(hop.body or b""))
        try:
            return [(k.encode("ascii"), v.encode("utf-8")) for k, v in headers.items()]
        except UnicodeEncodeError as error:
            raise WebFailed(f"{hop.shown}: a header name that is none") from error

    def _signature(self, hop: Hop) -> Mapping[str, str]:
        keys = self._settings.signing_keys
        key = keys.get(f"{hop.url.host}:{hop.port}") or keys.get(hop.url.host)
        if key is None:
            return {}
        return signatures(key.get_secret_value(), str(hop.url), hop.body or b"")


def preload() -> None:
    """What the first request of every call would have to load otherwise: 120 ms."""
    tls()
    for module in ("anyio._backends._asyncio", "concurrent.futures.thread", "encodings.idna"):
        import_module(module)


def wants_web(texts: Iterable[bytes]) -> bool:
    """True where a plan, or a word that plans may use, names a URL."""
    return any(b"http://" in text or b"https://" in text for text in texts)


def _read_headers(raw: list[tuple[bytes, bytes]], shown: str) -> dict[str, str]:
    if sum(len(name) + len(value) for name, value in raw) > _MAX_HEADERS:
        raise WebFailed(f"{shown}: more than {_MAX_HEADERS} bytes of headers")
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in raw}


def _cause(error: Exception) -> str:
    if isinstance(error, httpcore.ConnectError) and "CERTIFICATE_VERIFY_FAILED" in str(error):
        return f"its certificate is not for it: {str(error).partition(': ')[2] or error}"
    if isinstance(error, httpcore.LocalProtocolError):
        return f"a request that HTTP does not allow: {error}"
    return f"the connection failed: {str(error) or type(error).__name__}"
