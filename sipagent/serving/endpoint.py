"""Endpoint: SWAIG over HTTP, without the HTTP. One request in, one reply out."""

import base64
import binascii
import hmac
import json
import os
import re
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote

from .functions import Functions, Ran
from .tokens import Tokens

#: bytes of a request's body
MOST = 1 << 20
_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
#: last parts of a path that name no function
_DOORS = frozenset({"", "swaig"})
_TOKEN = "__token"  # noqa: S105 - the query key of the SDKs


@dataclass(frozen=True, slots=True)
class Request:
    """`headers` by lower-case name; `base` is the URL of the endpoint as its caller knows it."""

    method: str
    path: str = "/"
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    base: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """A JSON document."""

    status: int
    data: Any
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def body(self) -> bytes:
        """As it goes over the wire."""
        return json.dumps(self.data, ensure_ascii=False).encode()


@dataclass(frozen=True, slots=True)
class Access:
    """Who may ask. With a `user` Basic auth is required, with `tokens` one for each function. `url`
    is how gateways reach the endpoint, where that is not how it is asked.
    """

    user: str = ""
    password: str = field(default="", repr=False)
    tokens: Tokens | None = None
    url: str = ""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Access":
        """Of SIPAGENT_TOOLS_USER, _PASSWORD, _SECRET (makes tokens required) and _URL."""
        secret = environment.get("SIPAGENT_TOOLS_SECRET", "")
        return cls(
            environment.get("SIPAGENT_TOOLS_USER", ""),
            environment.get("SIPAGENT_TOOLS_PASSWORD", ""),
            Tokens(secret.encode()) if secret else None,
            environment.get("SIPAGENT_TOOLS_URL", ""),
        )

    @classmethod
    def with_new_secret(cls, access: "Access") -> "Access":
        """The same with tokens of this process alone."""
        return cls(access.user, access.password, Tokens(secrets.token_bytes(32)), access.url)

    def allows(self, authorization: str) -> bool:
        """True for the right Basic credentials, and where none are required."""
        if not self.user:
            return True
        try:
            given = base64.b64decode(authorization.removeprefix("Basic "), validate=True)
        except (binascii.Error, ValueError):
            return False
        return hmac.compare_digest(given, f"{self.user}:{self.password}".encode())


def paths_from_environment(environment: Mapping[str, str] = os.environ) -> list[Path]:
    """Where functions are: SIPAGENT_TOOLS, several parted as in PATH; or the folder `tools`."""
    named = environment.get("SIPAGENT_TOOLS", "tools")
    return [Path(part) for part in named.split(os.pathsep) if part]


class Endpoint:
    """`now` is seconds since the epoch."""

    def __init__(
        self, functions: Functions, access: Access, now: Callable[[], float] = time.time
    ) -> None:
        self.functions = functions
        self.access = access
        self._now = now

    async def answer(self, request: Request) -> Reply:
        """Never raises for what a client sends. What goes wrong in a function is a 200 with words,
        which the model reads; what is no SWAIG request at all is a 4xx.
        """
        if request.method == "GET" and request.path.rstrip("/").endswith("/health"):
            return Reply(200, {"status": "ok", "functions": len(self.functions.tools)})
        if not self.access.allows(request.headers.get("authorization", "")):
            return _error(401, "unauthorized", {"WWW-Authenticate": 'Basic realm="sipagent"'})
        if request.method != "POST":
            return _error(405, "POST a SWAIG request", {"Allow": "POST"})
        if len(request.body) > MOST:
            return _error(413, f"a request has at most {MOST} bytes")
        try:
            body = json.loads(request.body or b"{}")
        except ValueError:
            return _error(400, "the body is not JSON")
        if not isinstance(body, dict):
            return _error(400, "the body is not a JSON object")
        if body.get("action") == "get_signature":
            return Reply(200, self._signatures(body, request))
        return await self._function(body, request)

    async def _function(self, body: Mapping[str, Any], request: Request) -> Reply:
        last = request.path.rstrip("/").rpartition("/")[2]
        name = body.get("function") or ("" if last in _DOORS else last)
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            return _error(400, "the request names no function")
        if not self._may(name, request):
            return Reply(200, Ran("The token is invalid or expired.", False).body)
        arguments = arguments_of(body.get("argument"))
        if arguments is None:
            text = f"{name} was not run: the arguments are not a JSON object"
            return Reply(200, Ran(text, False).body)
        return Reply(200, (await self.functions.run(name, arguments, body)).body)

    def _may(self, name: str, request: Request) -> bool:
        if self.access.tokens is None:
            return True
        query = parse_qs(request.query)
        given = (query.get(_TOKEN) or query.get("token") or [""])[0]
        return self.access.tokens.valid(given, name, self._now())

    def _signatures(self, body: Mapping[str, Any], request: Request) -> list[dict[str, Any]]:
        """What the asker may give its model, with where to call each and by what right."""
        wanted = body.get("functions")
        names = [str(name) for name in wanted] if isinstance(wanted, list) else []
        declared = self.functions.declared(names)
        for one in declared:
            one["web_hook_url"] = self._url(one["function"], request)
            if self.access.user:
                one["web_hook_auth_user"] = self.access.user
                one["web_hook_auth_password"] = self.access.password
        return declared

    def _url(self, name: str, request: Request) -> str:
        base = (self.access.url or request.base).rstrip("/")
        if self.access.tokens is None:
            return base
        token = self.access.tokens.mint(name, self._now())
        return f"{base}?{_TOKEN}={quote(token, safe='')}"


def arguments_of(argument: Any) -> dict[str, Any] | None:
    """The arguments of a request: `parsed[0]`, else `raw`, else as they stand; None where they are
    no object.
    """
    if argument is None:
        return {}
    if isinstance(argument, Mapping) and {"parsed", "raw"} & argument.keys():
        parsed = argument.get("parsed")
        argument = parsed[0] if isinstance(parsed, list) and parsed else argument.get("raw") or {}
    if isinstance(argument, str):
        try:
            argument = json.loads(argument or "{}")
        except ValueError:
            return None
    return dict(argument) if isinstance(argument, Mapping) else None


def _error(status: int, message: str, headers: Mapping[str, str] | None = None) -> Reply:
    return Reply(status, {"error": message}, headers or {})
