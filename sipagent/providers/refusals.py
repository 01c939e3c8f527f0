"""Refusals: what a vendor's HTTP status means, and what to do about it, in words for a person."""

from sipagent.errors import ProviderError

#: seconds a caller can wait in silence: a vendor that asks for longer is passed over
_SOON = 1.0


def refusal(
    provider: str, status: int, where: str, *, retry_after: str | None = None, said: str = ""
) -> ProviderError:
    """The error of an answer that is none (RFC 9110 section 15). `where` is the URL, without
    query; `retry_after` the header as it came; `said` the server's own words, quoted only where
    they cannot hold a key.
    """
    quoted = f": {said}" if said else ""
    match status:
        case 401 | 403:
            cause, again = "wrong API key, or one that may not do this: check api_key", False
        case 402:
            cause, again = f"the account has no credit left{quoted}", False
        case 404:
            cause, again = f"nothing there: check base_url, model and voice{quoted}", False
        case 413:
            cause, again = f"the server takes no request that long{quoted}", False
        case 429:
            seconds = _seconds(retry_after)
            wait = "" if seconds is None else f" for {seconds:g} s"
            cause = f"too many requests: wait{wait}, or raise the quota{quoted}"
            again = seconds is None or seconds <= _SOON
        case _ if 300 <= status < 400:
            cause, again = "the server redirects; that is not followed: correct base_url", False
        case _ if status >= 500:
            cause, again = f"the server failed: look at its log or status page{quoted}", True
        case _:
            cause, again = f"the request was refused{quoted}", False
    return ProviderError(provider, f"{status} from {where}: {cause}", retryable=again)


def _seconds(retry_after: str | None) -> float | None:
    """Retry-After in seconds (RFC 9110 section 10.2.3); a date is not worth its parsing."""
    try:
        return max(0.0, float(retry_after or ""))
    except ValueError:
        return None
