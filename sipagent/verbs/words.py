"""SIP outcomes in words: what a model, a log and a person can all read."""

from sipagent.errors import LegFailed

#: reason phrases of RFC 3261 section 21, for far ends that send none
REASONS = {
    200: "OK",
    301: "Moved Permanently",
    302: "Moved Temporarily",
    305: "Use Proxy",
    380: "Alternative Service",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    408: "Request Timeout",
    410: "Gone",
    480: "Temporarily Unavailable",
    484: "Address Incomplete",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    500: "Server Internal Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Server Time-out",
    600: "Busy Everywhere",
    603: "Decline",
    604: "Does Not Exist Anywhere",
}
_MEANING = {
    403: "refused the call",
    404: "is not a known address",
    408: "did not answer",
    480: "is not available",
    484: "is not a complete number",
    486: "is busy",
    487: "did not answer",
    488: "has no matching media",
    600: "is busy",
    603: "declined the call",
    604: "is not a known address",
}


def who(target: str) -> str:
    """The part of a destination a person would name: `sales` of `sip:sales@pbx.example`."""
    rest = target.partition(":")[2] or target
    user, at, _ = rest.partition("@")
    return user if at else rest


def failure(error: LegFailed, target: str) -> str:
    """`486 Busy Here: sales is busy`."""
    reason = REASONS.get(error.status) or error.reason or "Failed"
    meaning = _MEANING.get(error.status)
    if 300 <= error.status < 400:
        return f"{error.status} {REASONS.get(error.status, 'Moved')}: {who(target)} {error.reason}"
    if meaning is None:
        meaning = "cannot be reached at the moment" if error.status >= 500 else "did not accept"
    return f"{error.status} {reason}: {who(target)} {meaning}"


def best(failures: list[LegFailed]) -> LegFailed:
    """The failure that speaks for all of them (RFC 3261 section 16.7 step 6)."""
    return min(failures, key=lambda f: (f.status < 600, f.status // 100, f.status))
