"""CGI (RFC 3875): one request by environment and standard input, one reply on standard output."""

import asyncio
import os
import sys
from collections.abc import Mapping
from http import HTTPStatus
from typing import BinaryIO

from .endpoint import MOST, Access, Endpoint, Reply, Request, paths_from_environment
from .functions import Functions


def main() -> None:
    """A whole CGI script: functions from SIPAGENT_TOOLS, access as `Access.from_environment`."""
    functions = Functions.load(paths_from_environment())
    serve(Endpoint(functions, Access.from_environment()), os.environ)


def serve(
    endpoint: Endpoint,
    environment: Mapping[str, str],
    source: BinaryIO | None = None,
    sink: BinaryIO | None = None,
) -> None:
    """Answer the one request this process was started for."""
    source, sink = source or sys.stdin.buffer, sink or sys.stdout.buffer
    reply = asyncio.run(endpoint.answer(read_request(environment, source)))
    sink.write(_written(reply))
    sink.flush()


def read_request(environment: Mapping[str, str], source: BinaryIO) -> Request:
    """Meta-variables (section 4.1) and body as a request."""
    headers = {
        name[5:].replace("_", "-").lower(): value
        for name, value in environment.items()
        if name.startswith("HTTP_")
    }
    length = environment.get("CONTENT_LENGTH", "")
    body = source.read(min(int(length), MOST + 1)) if length.isdecimal() else b""
    scheme = "https" if environment.get("HTTPS", "off") not in ("", "off") else "http"
    script, path = environment.get("SCRIPT_NAME", ""), environment.get("PATH_INFO", "")
    host = environment.get("HTTP_HOST") or _host(environment)
    return Request(
        environment.get("REQUEST_METHOD", "GET"),
        path or "/",
        environment.get("QUERY_STRING", ""),
        headers,
        body,
        f"{scheme}://{host}{script}{path}",
    )


def _host(environment: Mapping[str, str]) -> str:
    name, port = environment.get("SERVER_NAME", "localhost"), environment.get("SERVER_PORT", "")
    return f"{name}:{port}" if port and port not in ("80", "443") else name


def _written(reply: Reply) -> bytes:
    status = HTTPStatus(reply.status)
    headers = {
        "Status": f"{status.value} {status.phrase}",
        "Content-Type": "application/json",
        "Content-Length": str(len(reply.body)),
        **reply.headers,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return head.encode() + b"\r\n" + reply.body
