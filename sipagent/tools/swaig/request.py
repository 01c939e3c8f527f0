"""What a function is sent: the body of its webhook, field by field, and how it is addressed."""

import hashlib
import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from sipagent.call.by import function_named
from sipagent.call.caller_id import caller_id
from sipagent.call.identity import swml_id
from sipagent.call.leg import LegState
from sipagent.call.session import CallSession
from sipagent.call.shared_data import SharedData
from sipagent.call.web import WebRequest

from .rules import Rules
from .spec import Defaults, FunctionSpec, Include

#: seconds a function has; the caller hears fillers meanwhile
TIMEOUT = 20.0
CONNECT_TIMEOUT = 5.0
#: bytes of an answer: more is no answer to a question on the telephone
MOST = 1 << 19
VERSION = "2.0"


def address(function: FunctionSpec, defaults: Defaults) -> Defaults:
    """Where a function is asked: its own URL and credentials, or those of all."""
    return function if function.web_hook_url else defaults


def scope_token(function: FunctionSpec, defaults: Defaults) -> str:
    """Whose metadata it shares: as declared, or that of its URL without the query, in which every
    function has a token of its own.
    """
    if function.meta_data_token:
        return function.meta_data_token
    where = address(function, defaults)
    if not where.web_hook_url:
        return hashlib.sha256(function.function.encode()).hexdigest()[:32]
    parts = urlsplit(where.web_hook_url)
    plain = f"{parts.scheme}://{parts.netloc}{parts.path}"
    key = f"{plain} {where.web_hook_auth_user or ''} {where.web_hook_auth_password or ''}"
    return hashlib.sha256(key.encode()).hexdigest()[:32]


def request(where: Defaults, data: Mapping[str, Any], name: str) -> WebRequest:
    """A function's body on its way: the URL as it stands, to the last slash and token."""
    return WebRequest(
        where.web_hook_url or "",
        method="POST",
        headers=_basic(where.web_hook_auth_user, where.web_hook_auth_password),
        data=data,
        timeout=TIMEOUT,
        connect_timeout=CONNECT_TIMEOUT,
        most=MOST,
        by=function_named(name),
    )


def signature_request(include: Include) -> WebRequest:
    """Asks a server what functions it has."""
    data: dict[str, Any] = {
        "action": "get_signature",
        "functions": list(include.functions),
        "content_type": "text/swaig",
        "content_disposition": "function signature request",
        "version": VERSION,
    }
    if include.meta_data:
        data["meta_data"] = dict(include.meta_data)
    return WebRequest(
        include.url,
        method="POST",
        headers=_basic(include.auth_user, include.auth_password),
        data=data,
        timeout=CONNECT_TIMEOUT,
        most=MOST,
        by="include",
    )


@dataclass(frozen=True, slots=True)
class Asking:
    """A function as it is asked: what is the same at every request."""

    function: FunctionSpec
    rules: Rules
    token: str


def body(
    asked: Asking, arguments: Mapping[str, Any], schema: Mapping[str, Any], call: CallSession
) -> dict[str, Any]:
    """Every field of the vendor's request. What the call knows stands in it as it is now."""
    function, rules, token = asked.function, asked.rules, asked.token
    log = call.talk_log
    shared = SharedData(call.scope)
    state = call.caller.state
    data: dict[str, Any] = {
        "function": function.function,
        "argument": {
            "parsed": [dict(arguments)],
            "raw": json.dumps(dict(arguments), ensure_ascii=False),
            "substituted": "",
        },
        "argument_desc": dict(schema),
        "description": function.description,
        "purpose": function.description,
        "call_id": swml_id(call),
        "ai_session_id": "" if log is None else log.session_id,
        "conversation_type": "voice",
        "app_name": rules.app_name,
        "meta_data_token": token,
        "meta_data": shared.metadata(token),
        "channel_active": state is not LegState.DISCONNECTED,
        "channel_offhook": state is LegState.CONFIRMED,
        "channel_ready": state is LegState.CONFIRMED,
        "content_type": "text/swaig",
        "content_disposition": "SWAIG Function",
        "version": VERSION,
        "project_id": "",
        "space_id": "",
    }
    if rules.conversation_id:
        data["conversation_id"] = rules.conversation_id
    if global_data := shared.global_data:
        data["global_data"] = global_data
    return data | _caller(call) | _conversation(call, rules) | _variables(call, rules)


def _caller(call: CallSession) -> dict[str, Any]:
    who = caller_id(call)
    return {"caller_id_name": who.name or who.number, "caller_id_num": who.number}


def _conversation(call: CallSession, rules: Rules) -> dict[str, Any]:
    log = call.talk_log
    if not rules.post_conversation or log is None:
        return {}
    return {"call_log": log.call_log(), "raw_call_log": log.raw_call_log()}


def _variables(call: CallSession, rules: Rules) -> dict[str, Any]:
    wanted = rules.post_swml_vars
    if not wanted:
        return {}
    variables = dict(call.scope.get("vars", {}))
    if not isinstance(wanted, bool):
        variables = {name: variables[name] for name in wanted if name in variables}
    return {"SWMLVars": variables, "SWMLCall": dict(call.scope.get("call") or {})}


def _basic(user: str | None, password: str | None) -> dict[str, str]:
    if not user:
        return {}
    pair = b64encode(f"{user}:{password or ''}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}
