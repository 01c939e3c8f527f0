"""Frames of RELAY: JSON-RPC 2.0 requests, results and events."""

import json
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

#: bytes of one frame from a client
MOST = 262_144
#: JSON-RPC 2.0 section 5.1, and the vendor's own for credentials
PARSE_ERROR, NOT_A_REQUEST, NO_METHOD, UNAUTHORISED = -32700, -32600, -32601, -32002


class BadFrame(Exception):
    """What came is no request; `code` and `id` go into the answer."""

    def __init__(self, code: int, why: str, request_id: str = "") -> None:
        super().__init__(why)
        self.code = code
        self.id = request_id


@dataclass(frozen=True, slots=True)
class Request:
    """Something a client wants."""

    id: str
    method: str
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """The client has had a request of ours."""

    id: str


def parse(raw: str | bytes) -> Request | Answer:
    """What a client sent. Raises BadFrame."""
    try:
        data = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise BadFrame(PARSE_ERROR, "not JSON") from error
    if not isinstance(data, dict):
        raise BadFrame(NOT_A_REQUEST, "not an object")
    if "method" not in data and ("result" in data or "error" in data):
        return Answer(str(data.get("id"))[:128])
    request_id, method, params = data.get("id"), data.get("method"), data.get("params", {})
    known = str(request_id)[:128] if isinstance(request_id, str | int) else ""
    if not known or not isinstance(method, str) or not isinstance(params, dict):
        raise BadFrame(NOT_A_REQUEST, "no id, method or params", known)
    return Request(known, method, params)


def result(request_id: str, data: Mapping[str, Any]) -> str:
    """The answer to a request."""
    return json.dumps({"jsonrpc": "2.0", "id": request_id, "result": data})


def error(request_id: str, code: int, message: str) -> str:
    """The answer to a request that was none, or had no method of ours."""
    body = {"code": code, "message": message}
    return json.dumps({"jsonrpc": "2.0", "id": request_id or None, "error": body})


def call(method: str, params: Mapping[str, Any], number: str = "") -> str:
    """A request of ours; the client answers with its number."""
    number = number or str(uuid.uuid4())
    body = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
    return json.dumps(body, default=str)


def protocol_name() -> str:
    """What a client resumes its session with."""
    return f"signalwire_{secrets.token_urlsafe(24)}"
