"""What the SDK raises, in words for records and models, and whether the connection is gone."""

from mcp.shared.exceptions import MCPError
from mcp_types import CONNECTION_CLOSED, INVALID_REQUEST
from pydantic import ValidationError

from sipagent.tools.mcp.foreign import SPOKEN, cleaned


def cause_of(error: BaseException) -> str:
    """Why, without secrets: libraries wrap what happened in groups."""
    error = _inner(error)
    if isinstance(error, ValidationError):
        return "it answered what is not of the protocol"
    if isinstance(error, FileNotFoundError | PermissionError):
        return f"{error.filename} cannot be run: {error.strerror}"
    if isinstance(error, MCPError) and error.code == CONNECTION_CLOSED:
        return "the connection was lost"
    words = str(error).splitlines()[0] if str(error) else type(error).__name__
    return cleaned(words, SPOKEN)


def is_gone(error: BaseException) -> bool:
    """True where the server, or its session, is not there any more. What is of the protocol (an
    unknown tool, a result that does not fit its schema) says nothing of the kind.
    """
    error = _inner(error)
    if isinstance(error, MCPError):
        return error.code in (CONNECTION_CLOSED, INVALID_REQUEST)
    return not isinstance(error, ValidationError | RuntimeError | ValueError)


def _inner(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
