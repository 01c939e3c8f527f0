"""Session offers a worker's SIP stack dies of."""

import re

from .headers import Bad
from .message import Message

#: keys by DTLS (RFC 5764): pjsip 2.15 answers 480 to an offer of them and then crashes
_DEADLY = re.compile(rb"^m=\S+[ \t]+\S+[ \t]+(?:UDP|TCP)/D?TLS/", re.IGNORECASE | re.MULTILINE)


def check_offer(request: Message) -> None:
    """Raises Bad with 488 (RFC 3261 section 21.4.26) for a body no worker may see."""
    if request.body and _DEADLY.search(request.body.replace(b"\r", b"\n")):
        raise Bad("media secured by DTLS is not supported", 488)
