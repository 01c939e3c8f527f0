"""RelayDoor: the WebSocket where RELAY clients connect, show who they are, and are served."""

import asyncio
import hashlib
import hmac
import ssl
from collections.abc import Callable, Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any

import structlog
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request as Upgrade
from websockets.http11 import Response

from sipagent.api.calls import LiveCalls, NotUnderstood
from sipagent.api.keyring import digest_of
from sipagent.api.server import CannotListen
from sipagent.config import Relay, RelayProject
from sipagent.tasks import Background, stopped

from . import frames
from .clients import Client
from .desk import NODE, Desk

log = structlog.get_logger(__name__)

#: seconds to show who one is, and to be told that one is not
_PATIENCE, _REFUSAL = 10.0, 0.3
#: between our pings, and without a word after which a connection counts as lost, seconds
_PING, _SILENCE = 10.0, 65.0
#: requests of one client under way at a time
_REQUESTS = 64
_PATHS = frozenset({"/", "/api/relay/ws"})


class RelayDoor:
    """Serves from `start` to `close`."""

    def __init__(
        self, settings: Relay | None, live: LiveCalls, now: Callable[[], datetime]
    ) -> None:
        """Closed where there are no settings. Raises ConfigError where a token cannot be read."""
        self._open = settings is not None
        self._settings = settings or Relay()
        self._digests = _digests(self._settings)
        self._desk = Desk(self._settings, live, now)
        self._server: Server | None = None
        self._tasks = Background()
        self._connections: dict[Client, ServerConnection] = {}

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._server is not None
        port: int = next(iter(self._server.sockets)).getsockname()[1]
        return port

    async def start(self) -> None:
        """Open it. Raises CannotListen."""
        if not self._open:
            return
        settings = self._settings
        try:
            self._server = await serve(
                self._serve,
                settings.host,
                settings.port,
                ssl=_tls(settings),
                process_request=self._admitted,
                max_size=frames.MOST,
                max_queue=16,
                ping_interval=None,
                open_timeout=_PATIENCE,
                close_timeout=2,
                server_header=None,
            )
        except OSError as error:
            why = f"relay: {settings.host}:{settings.port}: {error.strerror or error}"
            raise CannotListen(why) from error
        self._tasks.start(self._desk.run())
        self._tasks.start(self._desk.find_orphans())
        log.info("relay_serving", port=self.port, projects=len(settings.projects))

    def reload(self, settings: Relay | None) -> None:
        """Others may come in from now on; whose project is gone or has changed is cut off. Raises
        ConfigError, with nothing changed.
        """
        settings = settings or Relay()
        self._digests = _digests(settings)
        self._settings = self._desk.settings = settings
        for client, connection in list(self._connections.items()):
            if settings.projects.get(client.project_name) != client.project:
                self._tasks.start(connection.close(1008, "revoked"))
                self._tasks.start(self._desk.lost(client))

    async def close(self) -> None:
        """Close every connection; calls go on. Idempotent."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None
        await self._desk.close()
        await self._tasks.stop()

    def _admitted(self, connection: ServerConnection, request: Upgrade) -> Response | None:
        if request.path.partition("?")[0] not in _PATHS:
            return connection.respond(HTTPStatus.NOT_FOUND, "RELAY is at /\n")
        if self._server is not None and len(self._server.connections) > self._settings.connections:
            return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "too many connections\n")
        if request.headers.get("Origin") is not None:
            return connection.respond(HTTPStatus.FORBIDDEN, "not for web pages\n")
        return None

    async def _serve(self, connection: ServerConnection) -> None:
        try:
            client = await self._authenticated(connection)
            if client is not None:
                await self._converse(connection, client)
        except ConnectionClosed:
            return

    async def _authenticated(self, connection: ServerConnection) -> Client | None:
        """The session of whoever connects; None for one who was told to go."""
        try:
            async with asyncio.timeout(_PATIENCE):
                request = frames.parse(await connection.recv())
        except (TimeoutError, frames.BadFrame):
            return None
        if isinstance(request, frames.Answer) or request.method != "signalwire.connect":
            return None
        shown = request.params.get("authentication")
        name, project = self._project(shown if isinstance(shown, Mapping) else {})
        if project is None:
            log.warning("relay_refused", project=name[:64], address=connection.remote_address[0])
            await asyncio.sleep(_REFUSAL)
            code = frames.UNAUTHORISED
            await connection.send(frames.error(request.id, code, "Unauthorized"))
            return None
        client = await self._session(name, project, request.params)
        client.origin = connection.remote_address[0]
        answer = {
            "identity": f"{name}@{NODE}",
            "nodeid": NODE,
            "protocol": client.protocol,
            "authorization": {"project": name},
            "ice_servers": [],
        }
        try:
            await connection.send(frames.result(request.id, answer))
        except ConnectionClosed:
            self._lose(client)
            raise
        self._desk.clients.add(client)
        client.connected = True
        return client

    async def _session(self, name: str, project: RelayProject, params: Mapping[str, Any]) -> Client:
        """A new one, or the one a client comes back to, perhaps before we saw it go."""
        wanted = _contexts(params)
        client = self._desk.clients.resumed(str(params.get("protocol") or ""), name)
        if client is None:
            client = Client(name, project)
        elif (before := self._connections.pop(client, None)) is not None:
            await before.close(1001, "resumed elsewhere")
        client.project = project
        if refused := client.receive(wanted):
            log.warning("relay_contexts_refused", project=name, contexts=sorted(refused)[:10])
        return client

    def _project(self, shown: Mapping[str, Any]) -> tuple[str, RelayProject | None]:
        """Whose name and token these are, compared in constant time."""
        name, token = str(shown.get("project") or ""), str(shown.get("token") or "")
        project = self._settings.projects.get(name)
        digest = hashlib.sha256(token.encode("utf-8", "replace")).digest()
        same = hmac.compare_digest(digest, self._digests.get(name, b""))
        return name, project if same else None

    async def _converse(self, connection: ServerConnection, client: Client) -> None:
        log.info("relay_connected", project=client.project_name, contexts=sorted(client.contexts))
        sending = [
            asyncio.ensure_future(_send_all(connection, client)),
            asyncio.ensure_future(_ping(client)),
        ]
        requests: set[asyncio.Task[None]] = set()
        self._connections[client] = connection
        try:
            await self._desk.look_again()
            while True:
                async with asyncio.timeout(_SILENCE):
                    raw = await connection.recv()
                while len(requests) >= _REQUESTS:
                    await asyncio.wait(requests, return_when=asyncio.FIRST_COMPLETED)
                task = asyncio.ensure_future(self._handled(client, raw))
                requests.add(task)
                task.add_done_callback(requests.discard)
        except TimeoutError:
            log.warning("relay_silent", project=client.project_name)
        finally:
            await stopped(*sending, *requests)
            if self._connections.get(client) is connection:
                del self._connections[client]
                self._lose(client)

    def _lose(self, client: Client) -> None:
        client.connected = False
        client.losses += 1
        self._tasks.start(self._awaited(client))

    async def _awaited(self, client: Client) -> None:
        """Give a lost client its time to come back."""
        log.info("relay_disconnected", project=client.project_name)
        losses = client.losses
        await asyncio.sleep(self._settings.grace)
        if not client.connected and client.losses == losses:
            await self._desk.lost(client)

    async def _handled(self, client: Client, raw: str | bytes) -> None:
        try:
            request = frames.parse(raw)
        except frames.BadFrame as bad:
            client.send(frames.error(bad.id, bad.code, str(bad)))
            return
        if isinstance(request, frames.Answer):
            client.answered(request.id)
            return
        try:
            answer = await self._answer(client, request)
        except NotUnderstood as error:
            answer = {"code": "400", "message": str(error)}
        if answer is None:
            client.send(frames.error(request.id, frames.NO_METHOD, f"no method {request.method}"))
        else:
            client.send(frames.result(request.id, answer))

    async def _answer(self, client: Client, request: frames.Request) -> dict[str, Any] | None:
        params = request.params
        match request.method:
            case "signalwire.ping":
                return {"timestamp": params.get("timestamp", 0)}
            case "signalwire.receive":
                if refused := client.receive(_contexts(params)):
                    names = ", ".join(sorted(refused))
                    return {"code": "403", "message": f"no calls of {names} for this project"}
                await self._desk.look_again()
                return {"code": "200", "message": "Receiving"}
            case "signalwire.unreceive":
                client.contexts -= _contexts(params)
                return {"code": "200", "message": "Not receiving"}
            case "calling.dial" | "calling.begin":
                return (await self._desk.dial(client, params)).body("", params)
            case method if method.startswith("calling."):
                reply = await self._desk.order(client, method, params)
                return reply.body(str(params.get("call_id", "")), params)
            case method if method.startswith("messaging."):
                return {"code": "501", "message": "no messages are sent by RELAY here"}
        return None


async def _send_all(connection: ServerConnection, client: Client) -> None:
    while True:
        frame = await client.next()
        await connection.send(frame)
        client.sent(frame)


async def _ping(client: Client) -> None:
    while True:
        await asyncio.sleep(_PING)
        client.send(frames.call("signalwire.ping", {}))


def _contexts(params: Mapping[str, Any]) -> frozenset[str]:
    names = params.get("contexts")
    if not isinstance(names, list):
        return frozenset()
    return frozenset(name for name in names[:100] if isinstance(name, str) and len(name) <= 64)


def _digests(settings: Relay) -> dict[str, bytes]:
    """Raises ConfigError."""
    return {
        name: digest_of(project, f"relay.projects.{name}")
        for name, project in settings.projects.items()
    }


def _tls(settings: Relay) -> ssl.SSLContext | None:
    if settings.tls is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(settings.tls.certificate, settings.tls.key)
    return context
