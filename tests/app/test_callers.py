"""Under which key callers stand in the database: of one server, or of a cluster."""

from pathlib import Path

import pytest

from sipagent.app.callers import caller_key, memory_book
from sipagent.config import Settings, load
from sipagent.errors import ConfigError
from sipagent.store.memories import MemoryBook
from sipagent.testing.postgres import postgres

ANN, AGENT, SECRET = "sip:+441632960001@trunk.example", "plan/desk", "a secret of all nodes"
#: of the state folder of each node
OWN = {"a": b"a" * 32, "b": b"b" * 32}


def settings(url: str, node: str, secret: str | None) -> Settings:
    cluster = {"node": node} | ({"secret": secret} if secret else {})
    return Settings.model_validate({"store": {"database": url}, "cluster": cluster})


def book(url: str, node: str, secret: str | None = SECRET) -> MemoryBook:
    return memory_book(settings(url, node, secret), OWN[node])


async def keep(at: MemoryBook, note: str) -> None:
    await at.keep(ANN, AGENT, note, days=9, most=200)


@pytest.mark.peer
async def test_what_one_nodes_agent_remembers_anothers_finds_where_they_share_a_secret() -> None:
    async with postgres() as url:
        a, b = book(url, "a"), book(url, "b")
        apart = [book(url, node, None) for node in "ab"]
        try:
            await keep(a, "Likes red.")
            await keep(b, "And blue.")
            told = await a.recall(ANN, AGENT)
            assert "Likes red." in told and "And blue." in told
            assert await b.recall(ANN, AGENT) == told
            assert [await one.recall(ANN, AGENT) for one in apart] == ["", ""]
            assert await b.forget(ANN) == 1
            assert await a.recall(ANN, AGENT) == ""
            await keep(apart[0], "At one node alone.")
            assert await apart[1].recall(ANN, AGENT) == ""
        finally:
            for one in (a, b, *apart):
                await one.close()


async def test_what_was_remembered_before_the_secret_is_still_forgotten(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'calls.sqlite3'}"
    before, after = book(url, "a", None), book(url, "a")
    try:
        await keep(before, "Long ago.")
        await keep(after, "Now.")
        assert "Long ago." not in await after.recall(ANN, AGENT)
        assert (await after.count(ANN), await after.forget(ANN)) == (2, 2)
        assert await before.recall(ANN, AGENT) == ""
    finally:
        await before.close()
        await after.close()


def test_a_secret_comes_from_the_environment_and_is_never_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "sipagent.yaml"
    file.write_text("cluster: {node: a, secret: '${env:CLUSTER_SECRET}'}\n")
    monkeypatch.setenv("CLUSTER_SECRET", SECRET)
    known = load(file)
    assert SECRET not in repr(known) and SECRET not in known.model_dump_json()
    assert SECRET.encode() not in caller_key(known, OWN["a"])
    monkeypatch.setenv("CLUSTER_SECRET", "too short")
    with pytest.raises(ConfigError) as wrong:
        load(file)
    assert "cluster.secret" in str(wrong.value) and "16" in str(wrong.value)
    assert "too short" not in str(wrong.value)
