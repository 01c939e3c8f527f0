"""A client of a running server, typed: `SipAgent` for asyncio, `BlockingSipAgent` for the rest."""

from sipagent.api.calls import CallView, Done, Numbered, Origination
from sipagent.call.search import Search

from .blocking import BlockingSipAgent
from .client import SipAgent
from .errors import (
    ApiError,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    ServerAway,
    TooFast,
    Unauthorised,
    Unavailable,
)

__all__ = [
    "ApiError",
    "BlockingSipAgent",
    "CallView",
    "Conflict",
    "Done",
    "Forbidden",
    "Invalid",
    "NotFound",
    "Numbered",
    "Origination",
    "Search",
    "ServerAway",
    "SipAgent",
    "TooFast",
    "Unauthorised",
    "Unavailable",
]
