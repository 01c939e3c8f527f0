"""Findings: what a check says, and the ailments it knows."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad it is. A PROBLEM keeps calls from working, a WARNING will or may, a NOTE is good to
    know.
    """

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    PROBLEM = "problem"

    @property
    def rank(self) -> int:
        """From 0, the best."""
        return list(Severity).index(self)


@dataclass(frozen=True, slots=True)
class Finding:
    """`what` was seen, here and now; `key` is the setting it is about, empty where it is none's.
    Nothing in it is secret.
    """

    code: str
    severity: Severity
    what: str
    cause: str = ""
    cure: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Ailment:
    """Something that can be wrong: its usual cause and cure, as docs/doctor.md lists them."""

    code: str
    severity: Severity
    cause: str
    cure: str

    def found(self, what: str, *, key: str = "", cause: str = "", cure: str = "") -> Finding:
        """A finding of it; `cause` and `cure` where more is known than the usual."""
        return Finding(self.code, self.severity, what, cause or self.cause, cure or self.cure, key)


def fine(what: str, key: str = "") -> Finding:
    """Nothing wrong there."""
    return Finding("ok", Severity.OK, what, key=key)


def worst(findings: tuple[Finding, ...]) -> Severity:
    """The worst of them; OK where there are none."""
    return max((f.severity for f in findings), key=lambda s: s.rank, default=Severity.OK)
