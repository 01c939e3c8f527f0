"""Problems: every error as application/problem+json (RFC 9457), with its place and cause."""

import json
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Send

from sipagent.errors import SipAgentError

from .calls import NotUnderstood, OutsideError

MEDIA_TYPE = "application/problem+json"
#: by status: what it is for programs, and for people
TITLES = {
    401: ("no-token", "A token is needed"),
    403: ("denied", "Not allowed"),
    404: ("not-found", "There is no such thing"),
    405: ("wrong-method", "Not by this method"),
    409: ("call-over", "The call cannot do that any more"),
    410: ("gone", "It is no more"),
    413: ("too-big", "The request is too big"),
    415: ("wrong-type", "The body is of another media type"),
    416: ("no-such-range", "The recording has no such bytes"),
    421: ("wrong-host", "This server does not answer to that name"),
    422: ("not-understood", "The request could not be understood"),
    429: ("too-fast", "Too many requests"),
    503: ("no-room", "There is no room at the moment"),
    504: ("no-answer", "No answer came in time"),
}
#: where the kind says more than the status
_KINDS = {"unreadable": "The file cannot be read"}


def problem(
    status: int, detail: str, *, kind: str | None = None, **more: Any
) -> Mapping[str, object]:
    """The body of an error."""
    known, title = TITLES.get(status, ("error", "That did not work"))
    extra = {name: value for name, value in more.items() if value}
    return {
        "type": f"urn:sipagent:problem:{kind or known}",
        "title": _KINDS.get(kind or known, title),
        "status": status,
        "detail": detail,
        **extra,
    }


def answer(status: int, detail: str, **more: Any) -> Response:
    """An error as a response."""
    headers = {"www-authenticate": 'Bearer realm="sipagent"'} if status == 401 else {}
    if status in (429, 503):
        headers["retry-after"] = "1"
    body = json.dumps(problem(status, detail, **more))
    return Response(body, status, headers, MEDIA_TYPE)


async def say(send: Send, status: int, detail: str) -> None:
    """An error where there is no request object."""
    response = answer(status, detail)
    await send({"type": "http.response.start", "status": status, "headers": response.raw_headers})
    await send({"type": "http.response.body", "body": response.body})


def install(app: FastAPI) -> None:
    """Have an app's errors told so."""

    async def outside(request: Request, error: Exception) -> Response:
        assert isinstance(error, OutsideError)
        place = error.place if isinstance(error, NotUnderstood) else ""
        return answer(error.status, str(error), kind=error.kind, place=place)

    async def ours(request: Request, error: Exception) -> Response:
        return answer(503, str(error))

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        return answer(422, str(first["msg"]).removeprefix("Value error, "), place=place)

    async def plain(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return answer(error.status_code, str(error.detail))

    app.add_exception_handler(OutsideError, outside)
    app.add_exception_handler(SipAgentError, ours)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, plain)
