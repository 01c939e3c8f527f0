"""Where phones are, as all nodes read it: one truth, and nobody's word is written over."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from sipagent.store.bindings import BindingBook, BindingsAway
from sipagent.testing.postgres import postgres


@asynccontextmanager
async def books(kind: str, folder: Path) -> AsyncIterator[tuple[BindingBook, BindingBook]]:
    """Two nodes' doors to one database."""
    if kind == "sqlite":
        url = f"sqlite+aiosqlite:///{folder}/shared.sqlite3"
        one, other = BindingBook(url, patience=30), BindingBook(url, patience=30)
        yield one, other
        await one.close()
        await other.close()
        return
    async with postgres() as url:
        one, other = BindingBook(url, patience=30), BindingBook(url, patience=30)
        yield one, other
        await one.close()
        await other.close()


KINDS = ["sqlite", pytest.param("postgresql", marks=pytest.mark.peer)]


@pytest.mark.parametrize("kind", KINDS)
async def test_of_two_who_write_at_once_one_has_to_read_again(kind: str, tmp_path: Path) -> None:
    async with books(kind, tmp_path) as (one, other):
        mine, theirs = await one.read("201"), await other.read("201")
        assert (mine.held, mine.change) == ((), 0)
        assert await one.write(mine, [{"until": mine.now + 60, "node": "a"}])
        assert not await other.write(theirs, [{"until": theirs.now + 60, "node": "b"}])
        again = await other.read("201")
        assert [held["node"] for held in again.held] == ["a"]
        assert await other.write(again, [*again.held, {"until": again.now + 60, "node": "b"}])
        assert not await one.write(again, [])
        both = await one.read("201")
        assert [held["node"] for held in both.held] == ["a", "b"]
        assert both.now >= again.now >= mine.now


@pytest.mark.parametrize("kind", KINDS)
async def test_news_are_what_was_written_since(kind: str, tmp_path: Path) -> None:
    async with books(kind, tmp_path) as (one, other):
        for extension in ("201", "202"):
            row = await one.read(extension)
            assert await one.write(row, [{"until": row.now + 60}])
        rows, now = await other.changed(0.0)
        assert {row.extension for row in rows} == {"201", "202"}
        assert await one.write(await one.read("202"), [])
        rows, _ = await other.changed(now)
        assert [(row.extension, list(row.held)) for row in rows] == [("202", [])]


@pytest.mark.parametrize("kind", KINDS)
async def test_phones_that_are_long_gone_are_forgotten(kind: str, tmp_path: Path) -> None:
    async with books(kind, tmp_path) as (one, other):
        row = await one.read("201")
        await one.write(row, [{"until": row.now - 7_200}])
        await one.write(await one.read("202"), [{"until": row.now + 60}])
        assert await other.forget() == 1
        assert (await one.read("201")).change == 0
        assert (await one.read("202")).change == 1


async def test_a_database_that_is_not_there_is_told_in_words(tmp_path: Path) -> None:
    book = BindingBook("postgresql+asyncpg://nobody@127.0.0.1:1/none")
    with pytest.raises(BindingsAway, match="the database does not answer"):
        await book.read("201")
    await book.close()
