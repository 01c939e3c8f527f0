"""Everything that can go wrong, and what the caller hears of it.

* SipAgentError
  + ConfigError          files on disk are wrong; carries every finding, raised before any call
  + CallError            one call cannot go on as asked; carries the SIP status that says so
    - LegFailed          the far end refused, vanished or never answered
    - PlanError          a dialplan step could not be carried out as written
  + ProviderError        ears, mind or mouth failed; `retryable` says if it may pass
  + ToolError            a tool could not do its work; the model reads why
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


class SipAgentError(Exception):
    """Base of all our own errors."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong (or doubtful) in a file, with its place. Lines and columns count from 1."""

    file: str
    line: int
    key: str
    message: str
    column: int = 1
    hint: str = ""
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        """`file:line:column: severity: key: message (hint)`, the form editors jump to."""
        key = f"{self.key}: " if self.key else ""
        hint = f" ({self.hint})" if self.hint else ""
        place = f"{self.file}:{self.line}:{self.column}"
        return f"{place}: {self.severity}: {key}{self.message}{hint}"


class ConfigError(SipAgentError):
    """Files on disk are wrong."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__("\n".join(str(f) for f in findings))
        self.findings = tuple(findings)


class CallError(SipAgentError):
    """One call cannot go on as asked."""

    status = 500


class LegFailed(CallError):
    """The far end refused, vanished or never answered.

    `status` is the final SIP status (RFC 3261 section 21), or 408 where none came.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status} {reason}")
        self.status = status
        self.reason = reason


class PlanError(CallError):
    """A dialplan step could not be carried out as written."""


class ProviderError(SipAgentError):
    """Ears, mind or mouth failed."""

    def __init__(self, provider: str, cause: str, *, retryable: bool = True) -> None:
        super().__init__(f"{provider}: {cause}")
        self.provider = provider
        self.cause = cause
        self.retryable = retryable


class ToolError(SipAgentError):
    """A tool could not do its work. The text is read by the model, so it says what to do next."""
