"""The HTTP server: the app with all its doors, and uvicorn in the gateway's loop."""

import asyncio
import logging
import os
import socket
from collections.abc import Generator
from contextlib import AsyncExitStack, contextmanager

import structlog
import uvicorn
from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from sipagent.config import Api
from sipagent.errors import SipAgentError
from sipagent.tasks import stopped

from . import (
    bundles,
    document,
    hooks,
    me,
    metrics,
    nodes,
    problems,
    records,
    retention,
    system,
    tokens,
    v1,
    webrtc,
)
from .doors import Doors
from .gate import Gate
from .keyring import Keyring

log = structlog.get_logger(__name__)

#: asked by whoever watches the server; they tell nothing else
OPEN_PATHS = frozenset({"/healthz", "/readyz"})
#: for requests under way when the server goes, seconds
_GRACE = 1
#: for streams, which do not end by themselves
_BACKLOG = 128


def build(doors: Doors) -> FastAPI:
    """Everything behind the gate."""
    app = FastAPI(
        title="sipagent",
        summary="Live calls: seen, followed and acted upon",
        version="1",
        docs_url=None,
        redoc_url=None,
        openapi_url="/v1/openapi.json",
    )
    problems.install(app)

    @app.get("/healthz", tags=["server"])
    async def healthz() -> dict[str, str]:
        """The server lives."""
        return {"status": "ok"}

    @app.get("/readyz", tags=["server"])
    async def readyz() -> Response:
        """The server takes calls; 503 with the reason while it does not."""
        if why := doors.why_not_ready():
            return problems.answer(503, why)
        return JSONResponse({"status": "ok"})

    subjects = (v1, records, retention, bundles, hooks, system, nodes, metrics)
    routers = [subject.router(doors) for subject in subjects] + [me.router()]
    if doors.phones is not None:
        audit = doors.calls.audit
        routers.append(webrtc.router(doors.phones.browsers, audit))
        routers.append(tokens.router(doors.phones.tokens, audit))
    for router in routers:
        app.include_router(router)
    document.install(app, routers)
    return app


def gated(app: ASGIApp, doors: Doors, settings: Api, keyring: Keyring) -> Gate:
    """The gate with everything behind it."""
    open_paths = OPEN_PATHS.union(*(mount.open_paths for mount in doors.mounts.values()))
    pages = tuple(path for path, mount in doors.mounts.items() if mount.pages)
    inner: ASGIApp = _Paths(app, {path: mount.app for path, mount in doors.mounts.items()})
    if settings.origins:
        inner = CORSMiddleware(
            inner,
            allow_origins=list(settings.origins),
            allow_methods=["GET", "POST", "PUT", "DELETE"],
            allow_headers=["authorization", "content-type", "last-event-id"],
            expose_headers=["location", "sipagent-call"],
        )
    audit = doors.calls.audit
    return Gate(inner, settings, keyring, audit, open_paths=open_paths, pages=pages)


class _Paths:
    """Requests of a path, and of what is below it, to their app as they came."""

    def __init__(self, app: ASGIApp, mounts: dict[str, ASGIApp]) -> None:
        self._app = app
        self._mounts = mounts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        for prefix, app in self._mounts.items():
            if path == prefix or path.startswith(f"{prefix}/"):
                await app(scope, receive, send)
                return
        await self._app(scope, receive, send)


class CannotListen(SipAgentError):
    """The address cannot be had, or the certificate not be used."""


class HttpServer:
    """Serves from `start` to `close`. What it cannot take any more gets 503, not a place in a
    queue.
    """

    def __init__(self, doors: Doors, settings: Api) -> None:
        """Raises ConfigError where a token cannot be read."""
        self._doors = doors
        self._settings = settings
        self._keyring = Keyring(settings, doors.phones.tokens if doors.phones else None)
        self._gate = gated(build(doors), doors, settings, self._keyring)
        self._server: Quiet | None = None
        self._serving: asyncio.Task[None] | None = None
        #: where it listens, once it does
        self.address: tuple[str, int] = (settings.host, settings.port)

    async def start(self) -> None:
        """Listen. Raises CannotListen."""
        listening = self._bound()
        try:
            server = self._server = Quiet(self._config())
        except (OSError, ValueError) as error:
            listening.close()
            raise CannotListen(f"api.tls: {error}") from error
        self.address = listening.getsockname()[:2]
        self._serving = asyncio.create_task(self._serve(server, listening))
        begun = asyncio.ensure_future(server.begun.wait())
        await asyncio.wait({begun, self._serving}, return_when=asyncio.FIRST_COMPLETED)
        begun.cancel()
        if self._serving.done():
            self._serving.result()  # it says why
        log.info("http_serving", address=f"{self.address[0]}:{self.address[1]}")

    def reload(self, settings: Api) -> None:
        """Tokens, rates and bounds of others from now on; address and TLS stay. Connections of
        revoked tokens are cut. Raises ConfigError, with nothing changed.
        """
        self._keyring.reload(settings)
        self._gate.reload(settings)

    async def close(self) -> None:
        """Take no more, give what is under way a moment, and end it. Idempotent."""
        if self._server is not None and self._serving is not None:
            self._server.should_exit = True
            await asyncio.wait({self._serving}, timeout=_GRACE + 4)
            await stopped(self._serving)
            self._serving = None

    async def _serve(self, server: "Quiet", listening: socket.socket) -> None:
        async with AsyncExitStack() as running:
            for mount in self._doors.mounts.values():
                if mount.running is not None:
                    await running.enter_async_context(mount.running())
            await server.serve(sockets=[listening])

    def _bound(self) -> socket.socket:
        settings = self._settings
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        try:
            return socket.create_server((settings.host, settings.port), family=family)
        except OSError as error:
            place = f"{settings.host}:{settings.port}"
            why = os.strerror(error.errno) if error.errno else str(error)
            raise CannotListen(
                f"cannot listen on {place}: {why}; set api.host and api.port"
            ) from error

    def _config(self) -> uvicorn.Config:
        settings, tls = self._settings, self._settings.tls
        most = settings.under_way + settings.streams
        config = uvicorn.Config(
            self._gate,
            lifespan="off",
            log_config=None,
            log_level=logging.WARNING,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            ws="websockets-sansio",
            ws_max_size=settings.body_bytes,
            limit_concurrency=2 * most,
            backlog=_BACKLOG,
            timeout_keep_alive=15,
            timeout_graceful_shutdown=_GRACE,
            ssl_certfile=tls.certificate if tls is not None else None,
            ssl_keyfile=tls.key if tls is not None else None,
        )
        config.load()
        return config


class Quiet(uvicorn.Server):
    """Leaves signals to the process it is in, and tells when it has begun."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.begun = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept."""
        await super().startup(sockets)
        self.begun.set()

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """None."""
        yield
