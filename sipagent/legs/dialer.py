"""SipDialer: makes outbound SIP legs on the endpoint."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import pjsua2 as pj

from sipagent.call.dial import Dial
from sipagent.call.leg import LegState
from sipagent.errors import LegFailed

from .headers import written
from .native import failed
from .native_call import NativeCall
from .pjsip import MAX_LEGS, Endpoint, no_room
from .sip import SipLeg

_TARGET = re.compile(r"sips?:[^\s<>\"\x00-\x1f]+", re.IGNORECASE)
_IDENTITY = re.compile(r"(?:\"[^\"\\\x00-\x1f]*\" )?<sips?:[^\s<>\"\x00-\x1f]+>", re.IGNORECASE)
#: what RFC 3261 section 25.1 lets a user part hold as it is
_USER = "-_.!~*'()&=+$,;?/"


class SipDialer:
    """Behind `Dialer`. Through the edge when the endpoint has one, else straight to the target."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    async def dial(self, dial: Dial) -> SipLeg:
        """Send an INVITE; the leg is CALLING on return.

        Raises LegFailed: 484 for a target that is not a SIP URI, 400 for a header that could not
        be written, 503 for a fifth leg.
        """
        target, caller_id, terms = dial.target, dial.caller_id, dial.terms
        if not _TARGET.fullmatch(target):
            raise LegFailed(484, f"{target!r} is not a SIP URI")
        if len(self._endpoint.legs) >= MAX_LEGS:
            raise no_room()
        prm = _invite(dial.headers)
        if caller_id is not None and _IDENTITY.fullmatch(caller_id):
            prm.txOption.localUri = caller_id
        elif caller_id is not None:
            host = self._endpoint.identity.rpartition("@")[2]
            prm.txOption.localUri = f"<sip:{quote(caller_id, safe=_USER)}@{host}>"
        self._endpoint.widen()
        try:
            native = NativeCall(self._endpoint.account(dial.credentials, terms.encryption))
            native.codecs = terms.codecs or self._endpoint.codecs.usual
            leg = SipLeg(native, LegState.CALLING, self._endpoint.kick)
            native.makeCall(on_the_wire(target), prm)
        except pj.Error as error:
            raise failed(error) from error
        finally:
            self._endpoint.kick()
        self._endpoint.adopt(leg, terms.keys)
        return leg


def on_the_wire(target: str) -> str:
    """`sips:` as TLS to the next hop: the edge ends TLS, so the stack in here has none to offer
    and would refuse the scheme (RFC 5630 section 3.1.4).
    """
    if not target.lower().startswith("sips:"):
        return target
    return f"sip:{target[5:].partition(';')[0].partition('?')[0]};transport=tls"


def _invite(headers: Mapping[str, str]) -> Any:
    prm = pj.CallOpParam(True)
    prm.opt.audioCount, prm.opt.videoCount = 1, 0
    prm.txOption.headers = written(headers)
    return prm
