"""Memories: what agents keep of a caller between calls, under a key that is no number."""

import asyncio
import hmac
import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import DateTime, String, Text, delete, insert, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from sipagent.errors import SipAgentError

from .records import PATIENCE, engine_for, probe

_log = structlog.get_logger(__name__)
_ERRORS = (SQLAlchemyError, sqlite3.Error, OSError, TimeoutError)
_WITHHELD = frozenset({"", "anonymous", "unknown", "restricted", "unavailable", "private"})
_SEPARATORS = re.compile(r"[().\s/-]")
_NUMBER = re.compile(r"\+?\d+")


class _Tables(DeclarativeBase):
    pass


class _Memory(_Tables):
    __tablename__ = "memories"
    who: Mapped[str] = mapped_column(String(64), primary_key=True)
    agent: Mapped[str] = mapped_column(String(256), primary_key=True)
    text: Mapped[str] = mapped_column(Text)
    written: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    until: Mapped[datetime] = mapped_column(DateTime(timezone=True), index=True)


_MEMORIES = _Tables.metadata.tables["memories"]


@dataclass(frozen=True, slots=True)
class Memory:
    """What one agent (`plan/agent`) keeps of one caller, until when. `who` is the key."""

    who: str
    agent: str
    text: str
    written: datetime
    until: datetime


def caller_of(uri: str) -> str:
    """Who calls, so written that the same caller is the same: a number without separators, or
    `user@host`; empty where the number was withheld.
    """
    user, at, host = re.sub(r"^(sips?|tel):", "", uri.strip(), flags=re.I).partition("@")
    user = user.partition(";")[0].partition(":")[0].lower()
    if user in _WITHHELD or host.lower().startswith("anonymous."):
        return ""
    number = _SEPARATORS.sub("", user)
    if _NUMBER.fullmatch(number):
        return number
    host = host.partition(";")[0].partition(":")[0].lower()
    return f"{user}{at}{host}"


class MemoryBook:
    """A table beside the calls. A database that does not answer costs the memory, never a call;
    what is past its time is not given out, and deleted with the next that is written.
    """

    def __init__(self, url: str, secret: bytes) -> None:
        """`url` is SQLAlchemy's, with an async driver; `secret` makes keys of callers, so that
        the table alone tells nobody's number. Raises ConfigError.
        """
        self._engine = engine_for(url)
        self._secret = secret

    async def recall(self, caller: str, agent: str) -> str:
        """What the agent knows of the caller; nothing where it knows nothing, or the database does
        not answer.
        """
        who = self._key(caller)
        if not who:
            return ""
        query = select(_MEMORIES.c.text).where(
            _MEMORIES.c.who == who,
            _MEMORIES.c.agent == agent,
            _MEMORIES.c.until > datetime.now(UTC),
        )
        try:
            async with self._connected() as connection:
                return str(await connection.scalar(query) or "")
        except _ERRORS as error:
            _log.error("memory_not_read", cause=type(error).__name__)
            return ""

    async def keep(self, caller: str, agent: str, note: str, *, days: float, most: int) -> None:
        """Put a note below those there are; the oldest lines go where they come to more than
        `most` characters. A withheld number is never remembered.
        """
        who = self._key(caller)
        if not who or not note.strip():
            return
        now = datetime.now(UTC)
        line = f"{now:%Y-%m-%d}: {' '.join(note.split())}"
        place = (_MEMORIES.c.who == who) & (_MEMORIES.c.agent == agent)
        past = _MEMORIES.c.until <= now
        try:
            async with self._connected() as connection:
                await connection.execute(delete(_MEMORIES).where(past))
                known = await connection.scalar(select(_MEMORIES.c.text).where(place))
                lines = [*(known or "").splitlines(), line]
                while len(lines) > 1 and len("\n".join(lines)) > most:
                    lines.pop(0)
                row = {"who": who, "agent": agent, "text": "\n".join(lines)[:most], "written": now}
                row["until"] = now + timedelta(days=days)
                await connection.execute(delete(_MEMORIES).where(place))
                await connection.execute(insert(_MEMORIES), [row])
        except _ERRORS as error:
            _log.error("memory_not_kept", cause=type(error).__name__)

    async def forget(self, caller: str) -> int:
        """Delete all that any agent knows of a caller; how many memories that were. Raises
        SipAgentError.
        """
        return await self._delete(_MEMORIES.c.who == self._key(caller))

    async def all(self) -> list[Memory]:
        """Every memory that counts, the newest first. Raises SipAgentError."""
        query = select(_MEMORIES).where(_MEMORIES.c.until > datetime.now(UTC))
        try:
            async with self._connected() as connection:
                rows = await connection.execute(query.order_by(_MEMORIES.c.written.desc()))
                return [Memory(*row) for row in rows]
        except _ERRORS as error:
            raise SipAgentError(f"the database does not answer: {error}") from error

    async def close(self) -> None:
        """Let go of the database."""
        await self._engine.dispose()

    async def _delete(self, where: Any) -> int:
        try:
            async with self._connected() as connection:
                return (await connection.execute(delete(_MEMORIES).where(where))).rowcount
        except _ERRORS as error:
            raise SipAgentError(f"the database does not answer: {error}") from error

    def _key(self, caller: str) -> str:
        known = caller_of(caller)
        return hmac.digest(self._secret, known.encode(), "sha256").hex() if known else ""

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[AsyncConnection]:
        async with asyncio.timeout(PATIENCE):
            await asyncio.to_thread(probe, self._engine.url)
            async with self._engine.begin() as connection:
                await connection.run_sync(_Tables.metadata.create_all)
                yield connection
