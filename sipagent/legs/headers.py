"""The headers of a message as pjsua2 shows and takes them."""

import re
from collections.abc import Mapping
from typing import Any

import pjsua2 as pj

from sipagent.errors import LegFailed

_NAME = re.compile(r"[A-Za-z0-9.!%*_+`'~-]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

#: what carries the message rather than says something about the call, and what is secret
_PLUMBING = frozenset(
    (
        *("via", "v", "route", "record-route", "contact", "m", "max-forwards", "cseq"),
        *("content-length", "l", "content-type", "c", "authorization", "proxy-authorization"),
    )
)


def told(message: str) -> Mapping[str, str]:
    """Every header that says something about the call, by its name as on the wire.

    A repeated header is one value with commas (RFC 3261 section 7.3.1), a folded one is
    unfolded. Never raises: what cannot be read is left out.
    """
    head = message.replace("\r\n", "\n").partition("\n\n")[0]
    head = head.replace("\n ", " ").replace("\n\t", " ")
    names: dict[str, str] = {}
    values: dict[str, str] = {}
    for line in head.split("\n")[1:]:
        name, colon, value = line.partition(":")
        key = name.strip().lower()
        if not colon or not key or key in _PLUMBING:
            continue
        name = names.setdefault(key, name.strip())
        value = " ".join(value.split())
        values[name] = f"{values[name]}, {value}" if name in values else value
    return values


def written(headers: Mapping[str, str]) -> Any:
    """Headers for a message of ours. Raises LegFailed (400) for what could not be one line."""
    vector = pj.SipHeaderVector()
    for name, value in headers.items():
        if not _NAME.fullmatch(name) or _CONTROL.search(value):
            raise LegFailed(400, f"{name!r} cannot be sent as a header")
        header = pj.SipHeader()
        header.hName, header.hValue = name, value
        vector.append(header)
    return vector
