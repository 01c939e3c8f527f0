"""Fault: what a vendor's server can do wrong; every local server here knows the same ones."""

from enum import StrEnum


class Fault(StrEnum):
    """What goes wrong with the next request (or connection) that a script says it of."""

    #: the answer comes, after `LATE` seconds
    LATE = "late"
    #: the request is taken and nothing ever comes
    SILENT = "silent"
    #: the connection ends in the middle of the answer, without its end
    HALF_CLOSED = "half_closed"
    #: what comes is not of the protocol
    MALFORMED = "malformed"
    #: too many requests, come again in `RETRY_AFTER` seconds
    RATE_LIMITED = "rate_limited"
    #: the key is not known
    WRONG_KEY = "wrong_key"
    #: the answer has no end
    HUGE = "huge"
    #: the server's own failure
    BROKEN = "broken"


#: seconds
LATE = 0.3
RETRY_AFTER = 7
