"""The same in PostgreSQL: rules, holds, one person in every spelling, and nothing left of them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy.engine import make_url

from sipagent.api.calls import Principal
from sipagent.api.keeping import ErasureWish, HoldWish
from sipagent.app.keeping import keeping_alone
from sipagent.config import Retention, Settings, Store
from sipagent.testing.postgres import postgres

from .calls import ANN, BEN, WORDS, call, recorded, transferred

OPERATOR = Principal("api:desk")


@pytest.mark.peer
async def test_records_are_kept_and_erased_in_postgresql_too(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    async with postgres() as url:
        settings = Settings(
            store=Store(database=url, bundles=tmp_path / "calls"),
            state=tmp_path / "state",
            retention=Retention.model_validate(
                {"transcripts": "1d", "rules": [{"outcome": "answered", "records": "9d"}]}
            ),
        )
        await recorded(
            settings.store,
            call("old", BEN, at=now - timedelta(days=10)),
            call("held", BEN, at=now - timedelta(days=10), words="umbrella"),
            call("thin", BEN, at=now - timedelta(days=2)),
            call("hers", "sip:0039-333-1234567@x", at=now),
            transferred("his", ANN, at=now),
        )
        with keeping_alone(settings, exclusive=False) as keeping:
            await keeping.hold("held", HoldWish(why="claim 7"), OPERATOR)
            view = await keeping.retention()
            assert view.due[0].calls["records"] == 1 and view.holds[0].call_id == "held"
            done = await keeping.prune()
            assert done.counts == {"records": 1, "transcripts": 1} and not done.problems
            erased = await keeping.erase(ErasureWish(caller="+39 333 1234567"), OPERATOR)
            assert (erased.calls, erased.other_party, erased.complete) == (1, 1, True)
            known = await everything(url)
            assert WORDS not in known and "umbrella" in known and "put me through" in known
            wish = ErasureWish(caller=ANN, as_party="any")
            erased = await keeping.erase(wish, OPERATOR)
            assert (erased.calls, erased.other_party, erased.complete) == (1, 0, True)
            assert "1234567" not in await everything(url)
            await keeping.close()


async def everything(url: str) -> str:
    """All that stands in any table."""
    at = make_url(url)
    connection = await asyncpg.connect(
        user=at.username, database=at.database, host=str(at.query.get("host") or at.host),
        port=at.port or int(str(at.query.get("port", 5432))), password=at.password,
    )  # fmt: skip
    try:
        tables = ("calls", "events", "tolls", "memories", "keepings")
        found = [await connection.fetch(f"SELECT t::text FROM {name} t") for name in tables]
    finally:
        await connection.close()
    return "\n".join(row["t"] for rows in found for row in rows)
