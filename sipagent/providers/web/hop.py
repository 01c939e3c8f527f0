"""Hop: one request of a chain of redirects, and the next one."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

import httpx

from sipagent.call.tracing import trace_headers
from sipagent.call.web import WebFailed, WebRequest, without_secrets

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
#: what a request's own headers may not decide
_OURS = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "accept-encoding", "te",
     "upgrade", "expect"}
)  # fmt: skip
#: headers that say nothing but what the body is; others do not leave the server they were for
_HARMLESS = frozenset({"content-type", "accept"})
_TEXT = "application/json"


@dataclass(frozen=True, slots=True)
class Hop:
    """`headers` have names in lower case. User and password of `url` are not in it any more: they
    have become a header.
    """

    method: str
    url: httpx.URL
    headers: Mapping[str, str]
    body: bytes | None

    @property
    def shown(self) -> str:
        """The URL as messages say it."""
        return without_secrets(str(self.url))

    @property
    def origin(self) -> tuple[str, str, int]:
        """What credentials are for."""
        return self.url.scheme, self.url.host, self.port

    @property
    def port(self) -> int:
        """The URL's, or the scheme's."""
        return self.url.port or (443 if self.url.scheme == "https" else 80)

    @property
    def host(self) -> str:
        """As in a Host header."""
        return self.url.netloc.decode("ascii")

    def after(self, status: int, location: str) -> "Hop | None":
        """Where a redirect leads, or None for any other answer. Raises WebFailed.

        307 and 308 keep method and body, the others become GET. From https it does not go on to
        http; headers that are not about the body stay with the server they were for.
        """
        if status not in _REDIRECTS or not location:
            return None
        url, authorization = _target(str(self.url.join(_url(location, self.shown))), self.shown)
        if self.url.scheme == "https" and url.scheme == "http":
            raise WebFailed(f"{self.shown}: refused: it redirects from https to http")
        keeps = status in (307, 308) or self.method == "GET"
        headers = dict(self.headers)
        if not keeps:
            headers.pop("content-type", None)
        hop = Hop(self.method if keeps else "GET", url, headers, self.body if keeps else None)
        if hop.origin != self.origin:
            headers = {name: value for name, value in headers.items() if name in _HARMLESS}
        return replace(hop, headers={**headers, **authorization})


def first(request: WebRequest) -> Hop:
    """The request itself. Raises WebFailed for a URL that is not http(s)."""
    url, authorization = _target(request.url, "the URL")
    headers = {name.lower(): value for name, value in request.headers.items()}
    headers = {name: value for name, value in headers.items() if name not in _OURS}
    headers = {**trace_headers(), **headers}
    body = request.body
    if request.data is not None:
        body = json.dumps(request.data, separators=(",", ":"), default=str).encode()
        headers.setdefault("content-type", _TEXT)
    return Hop(request.method, url, {**headers, **authorization}, body)


def _target(text: str, shown: str) -> tuple[httpx.URL, Mapping[str, str]]:
    """A URL without user and password, and the header they become."""
    url = _url(text, shown)
    if url.scheme not in ("http", "https") or not url.host:
        raise WebFailed(f"{shown}: refused: {url.scheme or 'no'}: is not http or https")
    if not url.userinfo:
        return url.copy_with(fragment=None), {}
    pair = f"{url.username}:{url.password}".encode()
    bare = url.copy_with(username=None, password=None, fragment=None)
    return bare, {"authorization": f"Basic {base64.b64encode(pair).decode()}"}


def _url(text: str, shown: str) -> httpx.URL:
    try:
        return httpx.URL(text)
    except (httpx.InvalidURL, ValueError, TypeError) as error:
        raise WebFailed(f"{shown}: not a URL that can be asked") from error
