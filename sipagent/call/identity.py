"""Names of a call: ours, and the one that SWML's servers know it by."""

from typing import TYPE_CHECKING
from uuid import UUID, uuid5

if TYPE_CHECKING:
    from .session import CallSession

_CALLS = UUID("6f0ccf4e-6b0b-5a0e-9d0e-1f6f1c5b7a11")


def swml_call_id(call_id: str) -> str:
    """A UUID, always the same for a call of ours. Servers sign tokens over it, and some of them
    cannot read one with a dot in it.
    """
    return str(uuid5(_CALLS, call_id))


def swml_id(call: "CallSession") -> str:
    """What servers of SWML and functions know this call by: `${call.call_id}`."""
    return str(call.scope.get("call", {}).get("call_id", call.id))
