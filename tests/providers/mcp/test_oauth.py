"""Who we are to a server: client credentials (OAuth 2.1), exchanged at their issuer, and tokens."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings
from mcp.server.mcpserver import MCPServer
from pydantic import AnyHttpUrl
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sipagent.call.interview import Answers
from sipagent.config.mcp import McpServer
from sipagent.providers.mcp.connection import Connection
from sipagent.providers.mcp.making import configured
from sipagent.providers.mcp.shelf import ToolShelf
from sipagent.testing.asgi_server import served
from sipagent.tools.mcp.server import Elicitation, Hooks

PATIENCE = 30.0


async def declines(asked: Elicitation) -> Answers:
    return Answers("decline")


HOOKS = Hooks(lambda words: None, declines)


@asynccontextmanager
async def connected(url: str, **keys: Any) -> AsyncIterator[Connection]:
    server = McpServer.model_validate({"url": f"{url}/mcp", **keys})
    connection = configured(server, ToolShelf(Path("/nonexistent"), "x", "x", 0))
    try:
        yield connection
    finally:
        await connection.close()


class Tokens:
    """Verifies what `authorization` gives out."""

    async def verify_token(self, token: str) -> AccessToken | None:
        if token != "given":
            return None
        return AccessToken(token=token, client_id="sipagent", scopes=["orders"])


def authorization(asked: list[dict[str, str]], where: list[str]) -> Starlette:
    """A tiny authorization server for client credentials."""

    async def metadata(request: Request) -> Response:
        issuer = where[0]
        return JSONResponse(
            {
                "issuer": issuer,
                "authorization_endpoint": f"{issuer}authorize",
                "token_endpoint": f"{issuer}token",
                "response_types_supported": ["code"],
                "grant_types_supported": ["client_credentials"],
            }
        )

    async def token(request: Request) -> Response:
        form = await request.form()
        header = request.headers.get("authorization", "")
        asked.append({**{k: str(v) for k, v in form.items()}, "authorization": header})
        return JSONResponse({"access_token": "given", "token_type": "Bearer", "expires_in": 600})

    return Starlette(
        routes=[
            Route("/.well-known/oauth-authorization-server", metadata),
            Route("/token", token, methods=["POST"]),
        ]
    )


def guarded(issuer: str, url: str) -> MCPServer:
    auth = AuthSettings(
        issuer_url=AnyHttpUrl(issuer),
        resource_server_url=AnyHttpUrl(f"{url}/mcp"),
        required_scopes=["orders"],
        validate_token_resource=False,
    )
    server = MCPServer("guarded", auth=auth, token_verifier=Tokens())

    @server.tool()
    def get_order(number: int) -> str:
        return f"{number} was sent"

    return server


async def test_client_credentials_are_exchanged_for_a_token_at_their_issuer() -> None:
    asked: list[dict[str, str]] = []
    where: list[str] = []
    async with served(authorization(asked, where)) as issuer:
        where.append(f"{issuer}/")
        late = _Late()
        async with served(late) as url:
            app = guarded(issuer, url).streamable_http_app()
            async with late.being(app):
                oauth = {
                    "issuer": f"{issuer}/",
                    "client_id": "sipagent",
                    "client_secret": "secret",
                    "scope": "orders",
                }
                async with connected(url, oauth=oauth) as server:
                    async with asyncio.timeout(PATIENCE):
                        result = await server.call("get_order", {"number": 3}, HOOKS)
                    assert result.text == "3 was sent"
                async with connected(url, token="given") as server:
                    assert (await server.call("get_order", {"number": 4}, HOOKS)).ok
    assert [one["grant_type"] for one in asked] == ["client_credentials"]
    assert asked[0]["authorization"].startswith("Basic ")


class _Late:
    """An app that is made once it is known where it is."""

    def __init__(self) -> None:
        self.app: Any = None

    @asynccontextmanager
    async def being(self, app: Any) -> AsyncIterator[None]:
        async with app.router.lifespan_context(app):
            self.app = app
            yield

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        await self.app(scope, receive, send)
