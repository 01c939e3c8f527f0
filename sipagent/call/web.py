"""The web as a call uses it: one request, one bounded answer."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol
from urllib.parse import urlsplit, urlunsplit

from sipagent.errors import CallError

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]


class WebFailed(CallError):
    """No answer came: the address is not allowed, nobody is there, too slow, too much."""

    status = 502


class WebUnreachable(WebFailed):
    """Nobody took the request: no connection was made, so nothing was done with it."""


@dataclass(frozen=True, slots=True)
class WebRequest:
    """`url` may hold user and password: they become Basic auth and are told to nobody. `data` is
    sent as JSON, `body` as it is. Times in seconds, `most` in bytes of the answer; the operator's
    own bounds hold too. `by` is who asks, for the record: `swml`, `function:NAME`.
    """

    url: str
    method: Method = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    #: neither is for a log: they may hold what was typed in secret
    data: Any = field(default=None, repr=False)
    body: bytes | None = field(default=None, repr=False)
    timeout: float = 10.0
    connect_timeout: float = 5.0
    most: int = 1 << 20
    by: str = ""


@dataclass(frozen=True, slots=True)
class WebReply:
    """An answer, whatever its status. `url` is where it came from after redirects, without
    user and password.
    """

    status: int
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def ok(self) -> bool:
        """True for a 2xx."""
        return 200 <= self.status < 300

    @property
    def text(self) -> str:
        """The body as UTF-8; what is no UTF-8 is replaced."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON. Raises ValueError."""
        return json.loads(self.body)


class Web(Protocol):
    """Whom plans and functions may ask on the web is the operator's to say, not theirs."""

    async def ask(self, request: WebRequest) -> WebReply:
        """Raises WebFailed; the message holds no secret of the URL."""
        ...


def without_secrets(url: str) -> str:
    """A URL as it may be shown: without user, password, query and fragment."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


class NoWeb:
    """A house without a way out."""

    async def ask(self, request: WebRequest) -> WebReply:
        """See `Web`."""
        raise WebFailed("there is no way to the web here")
