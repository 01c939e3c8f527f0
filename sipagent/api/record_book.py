"""Records as everybody outside sees them: what the doors of this room are given of them."""

from typing import Protocol

from pydantic import Field

from sipagent.call.cdr import Cdr
from sipagent.call.search import Search
from sipagent.store.story import Story

from .calls import Shown


class Records(Shown):
    """A page of calls, the newest first."""

    records: tuple[Cdr, ...]
    after: str = Field(default="", description="give it back for the next page; empty: the last")


class Wanted(Search):
    """A search, and the page of what it finds."""

    limit: int = Field(default=50, ge=1, le=200, description="calls on a page")
    after: str = Field(default="", max_length=500, description="`after` of the page before")

    @property
    def search(self) -> Search:
        """Without the page."""
        return Search.model_construct(**self.model_dump(include=set(Search.model_fields)))


class RecordBook(Protocol):
    """The records of this server. What it is asked raises SipAgentError while the database does
    not answer.
    """

    async def search(self, wanted: Search, limit: int, after: str) -> Records:
        """A page of calls, those that live among them. Raises NotUnderstood for a wrong `after`."""
        ...

    async def record(self, call_id: str) -> Cdr:
        """Of one call, live or over. Raises UnknownCall."""
        ...

    async def story(self, call_id: str) -> Story:
        """All that a page about it shows. Raises UnknownCall."""
        ...

    async def picture(self, call_id: str) -> str:
        """Its timeline, SVG. Raises UnknownCall."""
        ...
