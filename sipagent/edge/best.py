"""The best of several failures: what a fork tells its caller (RFC 3261 section 16.7 steps 6, 7)."""

from collections.abc import Sequence

from .message import Message
from .responses import PHRASES

_CHALLENGES = (b"www-authenticate", b"proxy-authenticate")
#: they say what to do better next time
_TELLING = (401, 407, 415, 420, 484)
#: nobody decided anything: an answer of a person counts more
_SILENT = (408, 480, 487)


def best_of(failures: Sequence[Message]) -> Message:
    """The one to pass on: a 6xx, else the lowest class, in it the one that says most. At least
    one is given. Challenges of all are gathered in a 401 or 407; a 503 becomes a 500, as one
    contact's overload is not ours.
    """
    best = min(failures, key=_rank).copy()
    if best.status in (401, 407):
        best.headers = [h for h in best.headers if h.key not in _CHALLENGES]
        asked = [h for f in failures if f.status in (401, 407) for h in f.headers]
        best.headers[-1:-1] = [h for h in asked if h.key in _CHALLENGES]
    if best.status == 503:
        best.status = 500
        best.start = f"SIP/2.0 500 {PHRASES[500]}".encode()
    return best


def _rank(failure: Message) -> tuple[bool, int, int]:
    status = failure.status
    weight = 0 if status in _TELLING else 2 if status in _SILENT else 1
    return status < 600, status // 100, weight
