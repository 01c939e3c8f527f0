"""AWS Lambda: behind API Gateway (payload versions 1.0 and 2.0) or a function URL."""

import asyncio
import base64
import binascii
from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import urlencode

from .endpoint import Access, Endpoint, Reply, Request, paths_from_environment
from .functions import Functions

#: seconds left of the invocation when the answer has to be on its way
_MARGIN = 0.5


def lambda_handler(event: Mapping[str, Any], context: Any = None) -> dict[str, Any]:
    """The handler to name in the function's configuration. Functions are loaded once, from
    SIPAGENT_TOOLS; who may ask: see `Access.from_environment`.
    """
    left = getattr(context, "get_remaining_time_in_millis", None)
    longest = None if left is None else max(0.1, left() / 1000 - _MARGIN)
    return _response(asyncio.run(_answer(read_event(event), longest)))


async def _answer(request: Request | None, longest: float | None) -> Reply:
    if request is None:
        return Reply(400, {"error": "the body is not base64"})
    try:
        async with asyncio.timeout(longest):
            return await _endpoint().answer(request)
    except TimeoutError:
        return Reply(200, {"response": "The function did not answer in time."})


@cache
def _endpoint() -> Endpoint:
    return Endpoint(Functions.load(paths_from_environment()), Access.from_environment())


def read_event(event: Mapping[str, Any]) -> Request | None:
    """An invocation as a request; None where its body cannot be read."""
    headers = {str(k).lower(): str(v) for k, v in (event.get("headers") or {}).items()}
    context = event.get("requestContext") or {}
    http = context.get("http")
    if isinstance(http, Mapping):
        method, path = str(http.get("method", "")), str(event.get("rawPath") or "/")
        query, stage = str(event.get("rawQueryString") or ""), ""
    else:
        method, path = str(event.get("httpMethod", "")), str(event.get("path") or "/")
        query = urlencode(event.get("queryStringParameters") or {})
        # a path of version 1.0 leaves the stage out, and a URL needs it
        own = str(context.get("path") or path)
        stage = own.removesuffix(path) if own.endswith(path) else ""
    body = str(event.get("body") or "")
    try:
        raw = base64.b64decode(body) if event.get("isBase64Encoded") else body.encode()
    except binascii.Error:
        return None
    scheme, host = headers.get("x-forwarded-proto", "https"), headers.get("host", "")
    return Request(method, path, query, headers, raw, f"{scheme}://{host}{stage}{path}")


def _response(reply: Reply) -> dict[str, Any]:
    return {
        "statusCode": reply.status,
        "headers": {"Content-Type": "application/json", **reply.headers},
        "body": reply.body.decode(),
        "isBase64Encoded": False,
    }
