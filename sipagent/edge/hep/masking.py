"""Masking: what no capture server is told. Every mask is as long as what it hides, so that lengths
stay true.
"""

import re

#: what proves a password (RFC 7616 section 3.4); realm, nonce and user may be told
_PROOF = re.compile(rb"(?i)\b((?:response|rspauth)\s*=\s*\"?)([^\",\s]+)")
_CREDENTIALS = re.compile(
    rb"(?im)^(?:Authorization|Proxy-Authorization|Authentication-Info)[ \t]*:[ \t]*"
    rb"(?P<scheme>\S+)(?P<rest>[^\r\n]*(?:\r\n[ \t][^\r\n]*)*)"
)
#: SRTP keys in a session description (RFC 4568 section 6.1)
_SRTP_KEY = re.compile(rb"(?i)(\binline:)([A-Za-z0-9+/=]+)")
#: sip:user:password@host
_PASSWORD = re.compile(rb"(?i)(\bsips?:[^@:;>\s]*:)([^@>\s;]+)(?=@)")
_KEY = re.compile(rb"(?im)^(\s*Signal\s*=\s*)([0-9A-Da-d*#!]+)")
_TYPE = re.compile(rb"(?im)^(?:Content-Type|c)[ \t]*:[ \t]*([^\r\n;]*)")


def masked(message: bytes, *, credentials: bool = False, personal: bool = False) -> bytes:
    """A SIP message without proofs of passwords, SRTP keys and passwords in URIs, unless
    `credentials`; without texts and pressed keys, unless `personal`. What has none of them
    is the same bytes.
    """
    head, end, body = message.partition(b"\r\n\r\n")
    if not credentials:
        head = _CREDENTIALS.sub(_credentials, head)
        head = _PASSWORD.sub(_hidden, head)
        body = _SRTP_KEY.sub(_hidden, body)
    if not personal and body:
        body = _body(head, body)
    return head + end + body


def _credentials(found: re.Match[bytes]) -> bytes:
    whole = found[0]
    if found["scheme"].lower() in (b"digest", b"nextnonce=") or b"=" in found["scheme"]:
        return _PROOF.sub(_hidden, whole)
    return whole[: found.start("rest") - found.start()] + _crossed(found["rest"])


def _hidden(found: re.Match[bytes]) -> bytes:
    return found[1] + b"*" * len(found[2])


def _crossed(text: bytes) -> bytes:
    return re.sub(rb"[^\s]", b"*", text)


def _body(head: bytes, body: bytes) -> bytes:
    method, _, _ = head.partition(b" ")
    if method == b"MESSAGE":
        return _crossed(body)
    if method != b"INFO":
        return body
    kind = _TYPE.search(head)
    if kind is not None and kind[1].strip().lower() == b"application/dtmf":
        return _crossed(body)
    return _KEY.sub(_hidden, body)
