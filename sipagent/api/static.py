"""Static: pages that come with the package, from memory, by exact name, under a strict policy."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from .problems import answer

_TYPES: Mapping[str, str] = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
#: `blob:` is what a page has fetched itself, with its token: recordings and timelines.
#: No script, style or connection but to this server; in nobody's frame
_POLICY = (
    "default-src 'self'; img-src 'self' blob:; media-src 'self' blob:; object-src 'none'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS: Mapping[str, str] = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "permissions-policy": "microphone=(self), camera=(), geolocation=()",
    # asked for each time, and answered by 304: a new version is seen at once
    "cache-control": "no-cache",
}


@dataclass(frozen=True, slots=True)
class _File:
    body: bytes
    kind: str
    tag: str


class Static:
    """The files of `folder` below `prefix`, read once: a request names one of them or nothing, so
    that no path leads out of it. `index.html` answers for the folder itself.
    """

    def __init__(self, prefix: str, folder: Path) -> None:
        """Raises OSError where the package is not whole."""
        self._prefix = prefix
        self._files = {
            path.relative_to(folder).as_posix(): _read(path)
            for path in sorted(folder.rglob("*"))
            if path.suffix in _TYPES
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI, HTTP only: the gate lets nothing else in."""
        await self._response(scope)(scope, receive, send)

    def _response(self, scope: Scope) -> Response:
        path: str = scope["path"]
        if path == self._prefix:
            return RedirectResponse(f"{self._prefix}/", headers=dict(HEADERS))
        name = path.removeprefix(f"{self._prefix}/") or "index.html"
        file = self._files.get(name)
        if file is None:
            return answer(404, "there is no such page")
        headers = {**HEADERS, "etag": file.tag}
        if file.tag in Headers(scope=scope).get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        body = file.body if scope["method"] == "GET" else b""
        headers["content-length"] = str(len(file.body))
        return Response(body, headers=headers, media_type=file.kind)


def _read(path: Path) -> _File:
    body = path.read_bytes()
    tag = hashlib.sha256(body).hexdigest()[:32]
    return _File(body, _TYPES[path.suffix], f'"{tag}"')
