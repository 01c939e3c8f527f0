"""A search as SQL, for the databases there may be."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import make_url

from sipagent.call.search import Search
from sipagent.store.search import query

EVERYTHING = Search(
    since=datetime(2026, 1, 1),
    until=datetime(2026, 2, 1, tzinfo=UTC),
    caller="50%",
    plan="day",
    direction="inbound",
    state="ended",
    status="4xx",
    ended_by="plan",
    min_duration=1.5,
    text="umbrella",
)


@pytest.mark.parametrize("url", ["postgresql+asyncpg://", "sqlite+aiosqlite://"])
def test_every_key_is_asked_of_the_database_and_none_is_written_into_the_query(url: str) -> None:
    dialect = make_url(url).get_dialect()()
    asked = query(EVERYTHING, 50).compile(dialect=dialect)
    values = {str(value) for value in asked.params.values()}
    assert {"50/%", "day", "inbound", "plan", "umbrella", "said", "1.5", "400", "499"} <= values
    assert "umbrella" not in str(asked)
    assert datetime(2026, 1, 1, tzinfo=UTC) in asked.params.values()
    assert "ESCAPE" in str(asked)
