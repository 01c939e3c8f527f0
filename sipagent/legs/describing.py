"""What a session description of ours says, before the library sends it (RFC 3264). Pure."""

import re
from collections.abc import Sequence

_AUDIO = re.compile(r"^(m=audio \S+ \S+)((?: \d+)+)", re.MULTILINE)
_MAP = re.compile(r"^a=rtpmap:(\d+) ([^/\s]+)", re.MULTILINE)
_NOWHERE = re.compile(r"^c=IN (?:IP4 0\.0\.0\.0|IP6 ::)\s*$", re.MULTILINE)
#: payload types that need no rtpmap (RFC 3551 section 6)
_STATIC = {"0": "PCMU", "8": "PCMA", "9": "G722"}


def in_order(own: str, codecs: Sequence[str]) -> str:
    """Our audio stream with these codecs, in this order, and no others; keys stay."""
    found = _AUDIO.search(own)
    if found is None:
        return own
    names = _STATIC | {number: name.upper() for number, name in _MAP.findall(own)}
    audio = [n for codec in codecs for n in found[2].split() if names.get(n) == codec.upper()]
    keys = [n for n in found[2].split() if names.get(n) == "TELEPHONE-EVENT"]
    if not audio:
        return own
    kept = {*audio, *keys}
    lines = [
        line
        for line in own.split("\n")
        if (about := re.match(r"a=(?:rtpmap|fmtp):(\d+)", line)) is None or about[1] in kept
    ]
    return _AUDIO.sub(rf"\1 {' '.join([*audio, *keys])}", "\n".join(lines), count=1)


def answering(own: str, offer: str) -> str:
    """Hold as before RFC 3264: nothing is sent to address zero, so we say that we do not send
    (section 8.4); the library would answer that it does.
    """
    if not _NOWHERE.search(offer):
        return own
    for said, meant in (("sendrecv", "recvonly"), ("sendonly", "inactive")):
        own = own.replace(f"a={said}", f"a={meant}")
    return own
