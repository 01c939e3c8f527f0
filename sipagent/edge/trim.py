"""What fits a worker: its SIP stack cuts larger datagrams off without a word."""

from .message import Message

#: PJSIP_MAX_PKT_LEN is 4000, and the stack wants room for a terminating zero
WORKER_LIMIT = 3_990
_NEEDED = frozenset(
    b"via record-route from to call-id cseq contact max-forwards content-type content-length "
    b"content-disposition content-encoding mime-version require supported allow rseq rack "
    b"session-expires min-se replaces refer-to referred-by refer-sub event subscription-state "
    b"reason expires www-authenticate proxy-authenticate route unsupported min-expires "
    b"retry-after target-dialog".split()
)


def fit(message: Message, limit: int = WORKER_LIMIT) -> tuple[bytes | None, int]:
    """The message in at most `limit` bytes, and how many headers that cost.

    Headers no call depends on (identity tokens, histories, user agents ...) go first, the
    largest before the others; the desk was told of them all. None when it cannot be done.
    """
    data = bytes(message)
    if len(data) <= limit:
        return data, 0
    excess = len(data) - limit
    optional = (h for h in message.headers if h.key not in _NEEDED)
    dropped: set[int] = set()
    for item in sorted(optional, key=lambda h: len(h.line), reverse=True):
        if excess <= 0:
            break
        dropped.add(id(item))
        excess -= len(item.line) + 2
    if excess > 0:
        return None, 0
    message.headers = [h for h in message.headers if id(h) not in dropped]
    return bytes(message), len(dropped)
