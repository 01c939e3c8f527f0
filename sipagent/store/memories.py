"""Memories: what agents keep of a caller between calls, under a key that is no number."""

import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import delete, func, insert, select

from .database import ERRORS, Database, answering, cause_of
from .tables import MEMORIES

_log = structlog.get_logger(__name__)
_WITHHELD = frozenset({"", "anonymous", "unknown", "restricted", "unavailable", "private"})
_SEPARATORS = re.compile(r"[().\s/-]")
_NUMBER = re.compile(r"\+?\d+")


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

    def __init__(
        self, url: str, secret: bytes, *, former: Sequence[bytes] = (), upgrade: bool = True
    ) -> None:
        """`url` is SQLAlchemy's, with an async driver; `secret` makes keys of callers, so that
        the table alone tells nobody's number; what stands under `former` ones is counted and
        forgotten, no more; `upgrade` as `Database` has it. Raises ConfigError.
        """
        self._database = Database(url, connections=2, upgrade=upgrade)
        self._secret = secret
        self._former = former

    async def recall(self, caller: str, agent: str) -> str:
        """What the agent knows of the caller; nothing where it knows nothing, or the database does
        not answer.
        """
        who = self._key(caller)
        if not who:
            return ""
        query = select(MEMORIES.c.text).where(
            MEMORIES.c.who == who,
            MEMORIES.c.agent == agent,
            MEMORIES.c.until > datetime.now(UTC),
        )
        try:
            async with self._database.begin() as connection:
                return str(await connection.scalar(query) or "")
        except ERRORS as error:
            _log.error("memory_not_read", cause=cause_of(error))
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
        place = (MEMORIES.c.who == who) & (MEMORIES.c.agent == agent)
        past = MEMORIES.c.until <= now
        try:
            async with self._database.begin() as connection:
                await connection.execute(delete(MEMORIES).where(past))
                known = await connection.scalar(select(MEMORIES.c.text).where(place))
                lines = [*(known or "").splitlines(), line]
                while len(lines) > 1 and len("\n".join(lines)) > most:
                    lines.pop(0)
                row = {"who": who, "agent": agent, "text": "\n".join(lines)[:most], "written": now}
                row["until"] = now + timedelta(days=days)
                await connection.execute(delete(MEMORIES).where(place))
                await connection.execute(insert(MEMORIES), [row])
        except ERRORS as error:
            _log.error("memory_not_kept", cause=cause_of(error))

    async def forget(self, caller: str) -> int:
        """Delete all that any agent knows of a caller; how many memories that were. Raises
        SipAgentError.
        """
        return await self._delete(MEMORIES.c.who.in_(self._keys(caller)))

    async def count(self, caller: str) -> int:
        """How many memories agents have of a caller. Raises SipAgentError."""
        of_caller = MEMORIES.c.who.in_(self._keys(caller))
        known = select(func.count()).select_from(MEMORIES).where(of_caller)
        with answering():
            async with self._database.begin() as connection:
                return int(await connection.scalar(known) or 0)

    async def all(self) -> list[Memory]:
        """Every memory that counts, the newest first. Raises SipAgentError."""
        query = select(MEMORIES).where(MEMORIES.c.until > datetime.now(UTC))
        with answering():
            async with self._database.begin() as connection:
                rows = await connection.execute(query.order_by(MEMORIES.c.written.desc()))
                return [Memory(*row) for row in rows]

    async def close(self) -> None:
        """Let go of the database."""
        await self._database.close()

    async def _delete(self, where: Any) -> int:
        with answering():
            async with self._database.begin() as connection:
                return (await connection.execute(delete(MEMORIES).where(where))).rowcount

    def _key(self, caller: str) -> str:
        return _keyed(self._secret, caller)

    def _keys(self, caller: str) -> list[str]:
        return [_keyed(secret, caller) for secret in (self._secret, *self._former)]


def _keyed(secret: bytes, caller: str) -> str:
    known = caller_of(caller)
    return hmac.digest(secret, known.encode(), "sha256").hex() if known else ""
