"""Short-lived tokens: what they may do, when they end, and that they stay ended."""

import asyncio
from pathlib import Path

import pytest

from sipagent.api.short_tokens import ShortTokens, TooMany
from sipagent.app.turn import told
from sipagent.config import IceServer
from sipagent.store.journal import Journal


class Clock:
    """Seconds since 1970, as a test says."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def kept(folder: Path) -> Journal:
    journal = Journal(folder / "journal.jsonl")
    journal.open()
    return journal


def test_a_token_is_known_until_it_expires_and_never_kept_as_it_is(tmp_path: Path) -> None:
    clock = Clock()
    tokens = ShortTokens(kept(tmp_path), 10, clock)
    text, token = tokens.issue("visitor", ["100"], [], 60, "api:site")
    assert tokens.find(text) == token
    assert text not in (tmp_path / "journal.jsonl").read_text()
    clock.now += 60
    assert tokens.find(text) is None
    assert tokens.all() == ()


def test_a_restart_keeps_tokens_and_revoked_ones_stay_revoked(tmp_path: Path) -> None:
    clock = Clock()
    tokens = ShortTokens(kept(tmp_path), 10, clock)
    good, token = tokens.issue("visitor", ["100"], ["alice"], 600, "api:site")
    bad, revoked = tokens.issue("visitor", ["100"], [], 600, "api:site")
    ended: list[str] = []
    tokens.on_revoked = ended.append
    assert tokens.revoke(revoked.id) == revoked
    assert tokens.revoke(revoked.id) is None
    assert ended == [revoked.id]
    again = ShortTokens(kept(tmp_path), 10, clock)
    again.restore()
    assert again.find(good) == token
    assert again.find(bad) is None


def test_no_more_live_than_may_and_expired_ones_make_room() -> None:
    clock = Clock()
    tokens = ShortTokens(Journal(), 2, clock)
    for _ in range(2):
        tokens.issue("visitor", [], [], 60, "api:site")
    with pytest.raises(TooMany):
        tokens.issue("visitor", [], [], 60, "api:site")
    clock.now += 61
    assert tokens.issue("visitor", [], [], 60, "api:site")


async def test_what_lives_on_a_token_is_cut_when_it_is_revoked_or_expires() -> None:
    tokens = ShortTokens(Journal(), 10, Clock())
    _, one = tokens.issue("a", [], [], 60, "api:site")
    _, other = tokens.issue("b", [], [], 60, "api:site")
    first, second = tokens.live(one), tokens.live(other)
    tokens.revoke(one.id)
    async with asyncio.timeout(5):
        await first
    assert not second.done()
    tokens.over(second)
    assert second.cancelled()


def test_a_turn_user_is_made_of_the_shared_secret_and_ends_by_itself() -> None:
    server = IceServer.model_validate(
        {"urls": "turn:turn.example:3478", "secret": "north", "seconds": 600}
    )
    view = told(server, "desk", 1_700_000_000.0)
    assert view.username == "1700000600:desk"
    assert view.credential == "Us5/L2NG5M/6Sa2fibSFlWBd5/c="
    plain = IceServer.model_validate({"urls": ["stun:stun.example"]})
    assert told(plain, "desk", 0.0).username is None
