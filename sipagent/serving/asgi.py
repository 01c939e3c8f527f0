"""The endpoint as an ASGI application."""

import asyncio

from fastapi import FastAPI
from fastapi import Request as Asked
from fastapi.responses import Response

from .endpoint import MOST, Endpoint, Reply, Request

#: requests answered at a time; one more is told to come again
_AT_ONCE = 64
#: seconds for a body to arrive
_BODY_SECONDS = 10.0


def application(endpoint: Endpoint) -> FastAPI:
    """Every path leads to the endpoint."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    free = asyncio.Semaphore(_AT_ONCE)

    async def answer(asked: Asked) -> Response:
        if free.locked():
            return _response(Reply(503, {"error": "too busy"}, {"Retry-After": "1"}))
        async with free:
            try:
                async with asyncio.timeout(_BODY_SECONDS):
                    body = await _body(asked)
            except TimeoutError:
                return _response(Reply(408, {"error": "the body did not come"}))
            return _response(await endpoint.answer(_request(asked, body)))

    app.add_api_route("/{path:path}", answer, methods=["GET", "POST"], response_model=None)
    return app


async def _body(asked: Asked) -> bytes:
    """At most one byte more than is allowed: then it is refused."""
    body = b""
    async for chunk in asked.stream():
        body += chunk
        if len(body) > MOST:
            break
    return body


def _request(asked: Asked, body: bytes) -> Request:
    headers = {name.lower(): value for name, value in asked.headers.items()}
    base = str(asked.url.replace(query=""))
    return Request(asked.method, asked.url.path, asked.url.query, headers, body, base)


def _response(reply: Reply) -> Response:
    return Response(
        reply.body,
        reply.status,
        headers=dict(reply.headers),
        media_type="application/json",
    )
