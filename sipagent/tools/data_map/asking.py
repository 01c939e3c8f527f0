"""A webhook of a data_map: its request made of templates, and its reply read."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sipagent.call.web import Method, Web, WebFailed, WebReply, WebRequest

from .data import CallData, Roots
from .encoding import checked_url, url_encoded, url_part
from .rendering import Renderer
from .spec import Webhook

#: bytes of a reply
MOST = 1 << 20


@dataclass(frozen=True, slots=True)
class Reply:
    """What came, as templates read it, and why it counts as none, or the empty string."""

    data: Any
    wrong: str = ""


def eligible(webhook: Webhook, args: Mapping[str, Any]) -> bool:
    """Whether a webhook is asked at all: it has an address and something to make of the reply,
    and one of the arguments it requires was given.
    """
    if not webhook.url or (webhook.output is None and not webhook.expressions):
        return False
    given = {name.lower() for name, value in args.items() if value not in (None, "")}
    wanted = {name.lower() for name in webhook.require_args}
    return not wanted or bool(wanted & given)


def request_of(webhook: Webhook, call: CallData, renderer: Renderer, timeout: float) -> WebRequest:
    """The request with its templates filled. Raises PlanError."""
    roots = call.before()
    url = checked_url(webhook.url, renderer.text(webhook.url, roots, url_part))
    params = webhook.params
    if webhook.input_args_as_params and (params is None or isinstance(params, Mapping)):
        params = {**renderer.fill(params or {}, roots), **call.args}
    elif params is not None:
        params = renderer.fill(params, roots)
    headers = {name: _header(value, renderer, roots) for name, value in webhook.headers.items()}
    method: Method = webhook.method
    if method == "GET" and params is not None:
        method = "POST"
    data, body = params, None
    if webhook.form_param is not None and params is not None:
        headers = {"Content-Type": "application/x-www-form-urlencoded", **headers}
        text = json.dumps(params, ensure_ascii=False, default=str)
        data, body = None, f"{webhook.form_param}={url_encoded(text)}".encode()
    return WebRequest(
        url, method, headers, data=data, body=body, timeout=timeout, most=MOST,
        connect_timeout=min(5.0, timeout),
    )  # fmt: skip


async def ask(web: Web, request: WebRequest, error_keys: tuple[str, ...], own_code: bool) -> Reply:
    """Ask, and read what came. A reply that is no JSON, has one of the error keys, or is no 2xx
    is wrong; the last not where the webhook itself looks at `http_code` (`own_code`).
    """
    try:
        reply = await web.ask(request)
    except WebFailed as error:
        return Reply({"protocol_error": True, "http_code": 0}, f"protocol_error: {error}")
    data = _parsed(reply)
    if isinstance(data, dict) and not reply.ok:
        data.setdefault("http_code", reply.status)
    return Reply(data, _wrong(reply, data, error_keys, own_code))


def _wrong(reply: WebReply, data: Any, error_keys: tuple[str, ...], own_code: bool) -> str:
    names = {str(key).lower() for key in data} if isinstance(data, dict) else set()
    if "parse_error" in names:
        return "parse_error: the reply is no JSON"
    if found := next((key for key in error_keys if key.lower() in names), None):
        return f"the reply has the error key {found}"
    if not reply.ok and not (own_code and isinstance(data, dict)):
        return f"the reply is a {reply.status}"
    return ""


def _parsed(reply: WebReply) -> Any:
    try:
        return json.loads(reply.body.decode("utf-8-sig"), strict=False)
    except (ValueError, RecursionError):
        return {"parse_error": True, "raw_response": reply.text}


def _header(value: str | int | float, renderer: Renderer, roots: Roots) -> str:
    """One line: a value cannot add headers of its own."""
    return re.sub(r"[^\x20-\x7e]+", " ", renderer.text(str(value), roots)).strip()
