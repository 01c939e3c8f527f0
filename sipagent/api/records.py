"""/v1/records: calls on record: searched, paged, as CSV; and the story of each, live or over."""

import csv
import io
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response, StreamingResponse

from sipagent.call.cdr import Cdr
from sipagent.call.search import Search
from sipagent.config import Scope
from sipagent.store.story import Story

from .doors import Doors, needs
from .record_book import RecordBook, Records, Wanted

RECORDS: Scope = "records:read"
#: records in a part of a table that is sent
_PART = 200
#: with these a spreadsheet begins to calculate
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_SVG = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
    "x-content-type-options": "nosniff",
}
COLUMNS = (
    "call_id", "direction", "caller", "callee", "plan", "started", "answered", "ended", "duration",
    "status", "reason", "ended_by", "turns_caller", "turns_agent", "tools_ok", "tools_failed",
    "denials", "transfers", "recordings", "response_p50_ms", "response_p95_ms", "cost", "warnings",
)  # fmt: skip


class SvgResponse(Response):
    """A picture that runs nothing and loads nothing."""

    media_type = "image/svg+xml"


class CsvResponse(StreamingResponse):
    """A table, sent as it is made."""

    media_type = "text/csv"


def router(doors: Doors) -> APIRouter:
    """The routes."""
    made = APIRouter(prefix="/v1", dependencies=[Depends(needs(RECORDS))], tags=["records"])
    book = doors.records
    if book is not None:
        _searching(made, book)
        _telling(made, book)
    return made


def _searching(made: APIRouter, book: RecordBook) -> None:
    @made.get("/records")
    async def search_records(wanted: Annotated[Wanted, Query()]) -> Records:
        """Calls on record and calls that live, the newest first; all keys given must fit."""
        return await book.search(wanted.search, wanted.limit, wanted.after)

    @made.get("/records.csv", response_class=CsvResponse)
    async def export_records(wanted: Annotated[Search, Query()]) -> Response:
        """All of them as a table with a header; cells that would begin a formula are quoted."""
        first = await book.search(wanted, _PART, "")
        headers = {"content-disposition": 'attachment; filename="records.csv"'}
        return CsvResponse(_table(book, wanted, first), headers=headers)


def _telling(made: APIRouter, book: RecordBook) -> None:
    @made.get("/records/{call_id}")
    async def get_record(call_id: str) -> Cdr:
        """The record of one call, so far where it lives."""
        return await book.record(call_id)

    @made.get("/calls/{call_id}/story")
    async def get_story(call_id: str) -> Story:
        """Transcript, tools, policy decisions, waterfall and SIP ladder of one call, so far."""
        return await book.story(call_id)

    @made.get("/calls/{call_id}/timeline.svg", response_class=SvgResponse)
    async def get_timeline(call_id: str) -> Response:
        """The picture of one call, so far where it lives."""
        return SvgResponse(await book.picture(call_id), headers=_SVG)


async def _table(book: RecordBook, wanted: Search, page: Records) -> AsyncIterator[str]:
    yield _lines([COLUMNS])
    while True:
        yield _lines([_row(call) for call in page.records])
        if not page.after:
            return
        page = await book.search(wanted, _PART, page.after)


def _lines(rows: Sequence[Sequence[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows([[_cell(value) for value in row] for row in rows])
    return text.getvalue()


def _cell(value: Any) -> Any:
    """A value that no spreadsheet takes for a formula: who calls chooses part of what it says."""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value


def _row(call: Cdr) -> list[Any]:
    response = call.latency.get("response")
    told = call.model_dump(mode="json", include=set(COLUMNS) - {"transfers", "recordings"})
    told |= {
        "turns_caller": call.turns.get("caller", 0),
        "turns_agent": call.turns.get("agent", 0),
        "transfers": " ".join(f"{t.target}:{'ok' if t.ok else 'failed'}" for t in call.transfers),
        "recordings": " ".join(call.recordings),
        "response_p50_ms": response.p50 if response is not None else None,
        "response_p95_ms": response.p95 if response is not None else None,
        "warnings": "; ".join(call.warnings),
    }
    return [told[name] for name in COLUMNS]
