"""The call as servers of SWML documents are told of it."""

import re
from collections.abc import Mapping
from typing import Any

from sipagent.call.identity import swml_id
from sipagent.call.leg import LegState
from sipagent.call.session import CallSession

_URI = re.compile(r"(?:sips?|tel):(?:([^@;>]*)@)?([^;>?]*)", re.IGNORECASE)
_NUMBER = re.compile(r"\+?[0-9]{3,15}")
#: credentials of the SIP dialog are for nobody else
_KEPT_BACK = frozenset({"authorization", "proxy-authorization"})
_STATES = {LegState.INCOMING: "created", LegState.EARLY: "ringing", LegState.CONFIRMED: "answered"}


def call_object(call: CallSession) -> dict[str, Any]:
    """`call` of the request for a document."""
    state = _STATES.get(call.caller.state, "ended")
    return described(call.scope.get("call", {}), swml_id(call), state)


def described(told: Mapping[str, Any], call_id: str, state: str) -> dict[str, Any]:
    """A call by what plans know of it. There are no projects, spaces and nodes here."""
    caller, callee = str(told.get("from", "")), str(told.get("to", ""))
    headers: Mapping[str, Any] = told.get("headers", {})
    made = {
        "call_id": call_id,
        "node_id": "",
        "segment_id": call_id,
        "call_state": state,
        "direction": told.get("direction", "inbound"),
        "type": told.get("type", "sip"),
        "from": caller,
        "to": callee,
        "headers": [
            {"name": name, "value": value}
            for name, value in headers.items()
            if name.lower() not in _KEPT_BACK
        ],
        "sip_data": {**_sip("req", callee), **_sip("from", caller), **_sip("to", callee)},
        "project_id": "",
        "space_id": "",
    }
    for key, uri in (("from_number", caller), ("to_number", callee)):
        user, _ = parts(uri)
        if _NUMBER.fullmatch(user):
            made[key] = user
    return made


def _sip(which: str, uri: str) -> dict[str, str]:
    user, host = parts(uri)
    names = (f"sip_{which}_user", f"sip_{which}_host", f"sip_{which}_uri")
    return dict(zip(names, (user, host, f"{user}@{host}" if user else host), strict=True))


def parts(uri: str) -> tuple[str, str]:
    """User and host of a URI; a number alone is a user."""
    found = _URI.match(uri)
    if found is None or uri.lower().startswith("tel:"):
        return (uri[4:].partition(";")[0] if found else uri), ""
    return found[1] or "", found[2] or ""
