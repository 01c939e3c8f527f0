"""What went wrong at a language model's server and what to do, in words for a person."""

import httpx2
from pydantic_ai.exceptions import (
    AgentRunError,
    ModelConnectionError,
    ModelHTTPError,
    ModelRequestTimeout,
    UnexpectedModelBehavior,
)

from sipagent.errors import ProviderError

from ..refusals import refusal
from .wire import Wire

#: what a vendor's client raises in the end, pydantic-ai's own and those it lets through
FAILURES: tuple[type[Exception], ...] = (AgentRunError, httpx2.HTTPError, httpx2.StreamError)
_QUOTED = 200
#: Google says so in a 400
_WRONG_KEY = "API_KEY_INVALID"


def failure(error: Exception, wire: Wire) -> ProviderError:
    """The error as the agent knows it."""
    if isinstance(error, ModelHTTPError):
        return _status(error, wire)
    if isinstance(error, ModelRequestTimeout):
        # the caller has waited for it already: not once more
        cause = f"no word from {wire.model.model_name} within {error.timeout:g} s"
        return ProviderError(wire.name, cause, retryable=False)
    if isinstance(error, ModelConnectionError) and error.phase == "connect":
        cause = f"cannot connect to {wire.url}: is the server up and base_url right?"
        return ProviderError(wire.name, cause)
    if isinstance(error, ModelConnectionError | httpx2.TransportError):
        cause = f"the connection to {wire.url} broke in the middle of an answer"
        return ProviderError(wire.name, cause)
    if isinstance(error, UnexpectedModelBehavior):
        cause = f"{wire.url} sent what is not of its protocol: {_short(str(error))}"
        return ProviderError(wire.name, cause)
    return ProviderError(wire.name, f"{type(error).__name__}: {_short(str(error))}")


def _status(error: ModelHTTPError, wire: Wire) -> ProviderError:
    if error.status_code == 404:
        cause = f"404 from {wire.url}: no model {wire.model.model_name!r} there"
        return ProviderError(wire.name, f"{cause}: check model and base_url", retryable=False)
    if _WRONG_KEY in str(error.body):
        return refusal(wire.name, 401, wire.url)
    wait = None if error.retry_after is None else f"{error.retry_after:g}"
    # what is said of a wrong key quotes it, sometimes in part
    said = "" if error.status_code in (401, 403) else _short(str(error.body or ""))
    return refusal(wire.name, error.status_code, wire.url, retry_after=wait, said=said)


def _short(text: str) -> str:
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= _QUOTED else line[: _QUOTED - 1] + "…"
