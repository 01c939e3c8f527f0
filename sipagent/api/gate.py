"""Gate: who may come in by HTTP and WebSocket, how often, how many at once, and how much they say.

Pure ASGI, before every door behind it. A request has a `Client` in its state from here on.
"""

import asyncio
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sipagent.config import Api
from sipagent.edge.door.buckets import Buckets
from sipagent.tasks import stopped

from .audit import Audit
from .keyring import Client, Keyring
from .problems import say

log = structlog.get_logger(__name__)

#: of one address without a good token, a second; and how many at once
_STRANGERS, _BURST = 2.0, 10.0
_ROOM = 4096


@dataclass(frozen=True, slots=True)
class _No:
    status: int
    why: str


class Gate:
    """`open_paths` ask for a proof of their own, or for none. What is below `pages` holds no
    secret: anybody may GET it, and do nothing else there.
    """

    def __init__(
        self,
        app: ASGIApp,
        settings: Api,
        keyring: Keyring,
        audit: Audit,
        *,
        open_paths: frozenset[str],
        pages: tuple[str, ...] = (),
    ) -> None:
        self._app = app
        self._keyring = keyring
        self._audit = audit
        self._open_paths = open_paths
        self._pages = pages
        self._under_way = 0
        self._strangers = Buckets(_STRANGERS, _BURST, _ROOM)
        self.reload(settings)

    def reload(self, settings: Api) -> None:
        """By these from now on."""
        self._settings = settings
        rate = settings.requests_per_second
        self._rates = Buckets(rate, 2 * rate, _ROOM)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] not in ("http", "websocket"):
            return
        headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
        token = _token(headers)
        found = self._client(scope, headers, token)
        if isinstance(found, _No):
            await _refuse(scope, receive, send, found)
            return
        state: MutableMapping[str, Any] = scope.setdefault("state", {})
        state["client"] = found
        self._under_way += 1
        try:
            bounded = _Bounded(receive, send, self._settings.body_bytes)
            if found is None:
                await self._app(scope, bounded.receive, bounded.send)
            else:
                await self._while_valid(token, scope, bounded)
        except _TooBig:
            if not bounded.begun:
                await say(send, 413, f"at most {self._settings.body_bytes} bytes are taken")
        finally:
            self._under_way -= 1

    def _client(self, scope: Scope, headers: Mapping[str, str], token: str) -> Client | _No | None:
        settings, origin = self._settings, _origin(scope)
        if not _named(headers.get("host", ""), settings):
            return _No(421, "add the name to api.hosts of sipagent.yaml")
        page = headers.get("origin")
        if page is not None and page not in settings.origins and not _same(page, headers):
            return _No(403, f"pages of {page} may not use this server: api.origins")
        if self._under_way >= settings.under_way:
            return _No(503, f"{settings.under_way} requests are under way")
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > settings.body_bytes:
            return _No(413, f"at most {settings.body_bytes} bytes are taken")
        preflight = scope.get("method") == "OPTIONS" and page is not None
        if scope["path"] in self._open_paths or self._page(scope) or preflight:
            return None
        now = asyncio.get_running_loop().time()
        client = self._keyring.find(token) if token else None
        if client is None:
            if not self._strangers.take(origin, now):
                return _No(429, "too many requests without a good token")
            self._audit.note("nobody", origin, f"{scope['path']}"[:200], "", "refused: no token")
            return _No(401, "send Authorization: Bearer with a token of this server")
        if not self._rates.take(client.id or client.name, now):
            return _No(429, f"at most {settings.requests_per_second:g} requests a second")
        return client

    def _page(self, scope: Scope) -> bool:
        path = scope["path"]
        return scope.get("method") in ("GET", "HEAD") and any(
            path == page or path.startswith(f"{page}/") for page in self._pages
        )

    async def _while_valid(self, token: str, scope: Scope, bounded: "_Bounded") -> None:
        """Serve until done, or until the token is revoked."""
        cut = self._keyring.live(token)
        serving = asyncio.ensure_future(self._app(scope, bounded.receive, bounded.send))
        try:
            await asyncio.wait({serving, cut}, return_when=asyncio.FIRST_COMPLETED)
            if not serving.done():
                log.info("connection_cut", path=scope["path"], why="its token was revoked")
                await stopped(serving)
                await bounded.cut_off(scope["type"])
                return
            serving.result()
        finally:
            self._keyring.over(cut)
            await stopped(serving)


class _TooBig(Exception):
    """A body beyond the bound."""


class _Bounded:
    """A connection whose body is bounded, and which can be ended from our side."""

    def __init__(self, receive: Receive, send: Send, most: int) -> None:
        self._receive = receive
        self._send = send
        self._left = most
        self.begun = self._over = False

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._left -= len(message.get("body", b""))
            if self._left < 0:
                raise _TooBig
        return message

    async def send(self, message: Message) -> None:
        self.begun = True
        if message["type"] == "websocket.close":
            self._over = True
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self._over = True
        await self._send(message)

    async def cut_off(self, kind: str) -> None:
        """End it."""
        if self._over:
            return
        if kind == "websocket":
            await self._send({"type": "websocket.close", "code": 1008, "reason": "token revoked"})
        elif self.begun:
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})
        else:
            await say(self._send, 401, "the token was revoked")


async def _refuse(scope: Scope, receive: Receive, send: Send, no: _No) -> None:
    if scope["type"] == "http":
        await say(send, no.status, no.why)
        return
    await receive()  # websocket.connect; a close before the accept is a 403
    await send({"type": "websocket.close", "code": 1008, "reason": no.why[:120]})


def _token(headers: Mapping[str, str]) -> str:
    kind, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


def _origin(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""


def _named(host: str, settings: Api) -> bool:
    bare = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    return bare.lower() in {name.lower() for name in settings.hosts}


def _same(page: str, headers: Mapping[str, str]) -> bool:
    return page.partition("://")[2] == headers.get("host")
