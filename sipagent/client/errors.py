"""What a server answers instead of what was asked for.

* SipAgentError
  + ServerAway          nobody answers there, or no sipagent does
  + ApiError            a problem (RFC 9457): status, kind, detail, place
    - Unauthorised  401   it does not know the token, or no more
    - Forbidden     403   the token has no such scope, or policy says no
    - NotFound      404   no such call, plan, recording
    - Conflict      409   the call is over, or not over yet
    - Invalid       422   a key is wrong: `place`
    - TooFast       429   later
    - Unavailable   503   no room at the moment
"""

import json

import httpx

from sipagent.errors import SipAgentError


class ServerAway(SipAgentError):
    """Nobody answers there, or what answers is no sipagent."""


class ApiError(SipAgentError):
    """A problem. `kind` is for programs (`unknown-call`); `place` is the key that is wrong."""

    def __init__(self, status: int, kind: str, detail: str, place: str = "") -> None:
        super().__init__(f"{status}: {place}: {detail}" if place else f"{status}: {detail}")
        self.status = status
        self.kind = kind
        self.detail = detail
        self.place = place


class Unauthorised(ApiError):
    """The server does not know the token, or no more."""


class Forbidden(ApiError):
    """The token has no such scope, or policy says no."""


class NotFound(ApiError):
    """There is no such thing."""


class Conflict(ApiError):
    """The call is over, or not over yet."""


class Invalid(ApiError):
    """A key is wrong."""


class TooFast(ApiError):
    """Too many requests."""


class Unavailable(ApiError):
    """There is no room at the moment."""


_KINDS: dict[int, type[ApiError]] = {
    401: Unauthorised,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    422: Invalid,
    429: TooFast,
    503: Unavailable,
}


def away(error: httpx.HTTPError, url: httpx.URL) -> ServerAway:
    """Nobody could be asked at `url`."""
    why = str(error) or type(error).__name__
    return ServerAway(
        f"{str(url).rstrip('/')} cannot be reached: {why}; is api: in the server's settings?"
    )


def error_of(status: int, body: bytes) -> SipAgentError:
    """The error that an answer of 400 and more tells."""
    try:
        told = json.loads(body)
        kind, detail = str(told["type"]).rpartition(":")[2], str(told["detail"])
    except (ValueError, KeyError, TypeError):
        return ServerAway(f"answered {status} and no reason: no sipagent is there")
    place = str(told.get("place", "")).removeprefix("body.").removeprefix("query.")
    return _KINDS.get(status, ApiError)(status, kind, detail, place)
