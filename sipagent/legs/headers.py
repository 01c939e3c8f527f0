"""The headers of a message as pjsua2 shows and takes them."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pjsua2 as pj

from sipagent.errors import LegFailed

from .native import bare_uri

_NAME = re.compile(r"[A-Za-z0-9.!%*_+`'~-]+")
#: one value of a list: commas in quotes and in angle brackets do not part it
_VALUE = re.compile(r'(?:"(?:[^"\\]|\\.)*"|<[^>]*>|[^,"<])+')
_DISPLAY = re.compile(r'^\s*"(?:[^"\\]|\\.)*"')
_Q = re.compile(r";\s*q\s*=\s*(0(?:\.\d{1,3})?|1(?:\.0{1,3})?)", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

#: what carries the message rather than says something about the call, and what is secret
_PLUMBING = frozenset(
    (
        *("via", "v", "route", "record-route", "contact", "m", "max-forwards", "cseq"),
        *("content-length", "l", "content-type", "c", "authorization", "proxy-authorization"),
    )
)
#: compact forms (RFC 3261 section 7.3.3) of what is looked for by name
_LONG = {"f": "from", "t": "to", "m": "contact", "k": "supported", "r": "refer-to"} | {
    "b": "referred-by"
}


def told(message: str) -> Mapping[str, str]:
    """Every header that says something about the call, by its name as on the wire.

    A repeated header is one value with commas (RFC 3261 section 7.3.1), a folded one is
    unfolded. Never raises: what cannot be read is left out.
    """
    names: dict[str, str] = {}
    values: dict[str, str] = {}
    for written_as, value in _fields(message):
        key = written_as.lower()
        if key in _PLUMBING:
            continue
        first = names.setdefault(key, written_as)
        values[first] = f"{values[first]}, {value}" if first in values else value
    return values


def lines(message: str) -> Mapping[str, str]:
    """Every header by its long name in lower case, a repeated one as one value with commas."""
    values: dict[str, str] = {}
    for name, value in _fields(message):
        key = _LONG.get(name.lower(), name.lower())
        values[key] = f"{values[key]}, {value}" if key in values else value
    return values


def contacts(message: str) -> tuple[str, ...]:
    """The URIs of its Contact headers, the highest q first (RFC 3261 section 20.10)."""
    values = [v for n, v in _fields(message) if n.lower() in ("contact", "m")]
    found = [each for value in values for each in _VALUE.findall(value)]
    return tuple(bare_uri(_DISPLAY.sub("", each)) for each in sorted(found, key=_rank))


def _rank(contact: str) -> float:
    q = _Q.search(contact.rpartition(">")[2])
    return -float(q[1]) if q else -1.0


def _fields(message: str) -> Iterator[tuple[str, str]]:
    """Name and value of every header, unfolded; what is none is left out."""
    head = message.replace("\r\n", "\n").partition("\n\n")[0]
    head = head.replace("\n ", " ").replace("\n\t", " ")
    for line in head.split("\n")[1:]:
        name, colon, value = line.partition(":")
        if colon and name.strip():
            yield name.strip(), " ".join(value.split())


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
