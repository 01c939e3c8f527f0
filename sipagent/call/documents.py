"""SWML documents that come while a call is going on: inline, or from a URL."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from sipagent.errors import PlanError

from .step import Program

if TYPE_CHECKING:
    from .session import CallSession

#: how long a caller waits for a document before it is given up
FETCH_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Document:
    """`name` is what events say: a URL without its secrets, or what returned it. `remarks` is what
    was written in it and is not known here: each was left out.
    """

    name: str
    program: Program
    remarks: tuple[str, ...] = ()


class Documents(Protocol):
    """Reads documents as the plan's own steps are read."""

    def read(self, raw: Any, name: str) -> Document:
        """A document from JSON or YAML text, or as plain data. Keys nobody knows are left out; a
        step that cannot be carried out is an error only when it is reached. Raises PlanError that
        says where it is wrong.
        """
        ...

    async def fetch(
        self,
        url: str,
        call: "CallSession",
        params: Mapping[str, Any] | None = None,
        *,
        method: Literal["GET", "POST"] = "POST",
        timeout: float = FETCH_SECONDS,
    ) -> Document:
        """Ask a URL for a document, with the call object as POST, and read what comes. Raises
        PlanError, WebFailed.
        """
        ...


class NoDocuments:
    """A house that reads nothing but its own plans."""

    def read(self, raw: Any, name: str) -> Document:
        """See `Documents`."""
        raise PlanError("no documents are read here")

    async def fetch(
        self,
        url: str,
        call: "CallSession",
        params: Mapping[str, Any] | None = None,
        *,
        method: Literal["GET", "POST"] = "POST",
        timeout: float = FETCH_SECONDS,
    ) -> Document:
        """See `Documents`."""
        raise PlanError("no documents are fetched here")
