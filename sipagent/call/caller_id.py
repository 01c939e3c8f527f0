"""Who calls, as SWML tells it: `caller_id_name` and `caller_id_number`."""

import re
from dataclasses import dataclass
from urllib.parse import unquote

from .session import CallSession

#: `"Name" <sip:user@host>`, `Name <tel:+1555>`, or a bare URI (RFC 3261 section 20.10)
_FROM = re.compile(
    r'^\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>[^<"]*?))\s*<(?P<uri>[^>]*)>', re.DOTALL
)
_USER = re.compile(r"^(?:sips?|tel):(?P<user>[^@;:?]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class CallerId:
    """Either is empty where it is not known."""

    name: str = ""
    number: str = ""


def read(address: str) -> CallerId:
    """The parts of a From header's value, or of a URI."""
    found = _FROM.match(address)
    uri = found["uri"] if found else address.strip()
    name = (found["quoted"] or found["bare"] or "") if found else ""
    user = _USER.match(uri)
    number = unquote(user["user"]) if user else uri
    return CallerId(name.replace("\\", "").strip(), number)


def caller_id(call: CallSession) -> CallerId:
    """The caller of this call; the name is what their own side says."""
    known = call.scope.get("call", {})
    own = read(str(known.get("from") or call.caller.info.remote))
    header = next((v for k, v in call.caller.info.headers.items() if k.lower() == "from"), "")
    return CallerId(own.name or read(header).name, own.number)
