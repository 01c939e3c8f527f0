"""Offences: what a source did within the last minute, and when that is too much."""

from dataclasses import dataclass, field
from enum import StrEnum

from sipagent.config import Bans as Limits

from .buckets import Recent

#: sources with offences, remembered at once
ROOM = 8_192
_MINUTE = 60.0


class Offence(StrEnum):
    """What can be held against a source."""

    FAILED_LOGIN = "wrong passwords"
    EXTENSION = "asked for many extensions"
    REFUSAL = "was refused too often"
    FLOOD = "floods"


@dataclass(slots=True)
class _Record:
    """`names` are the extensions asked for; counted up to the limit and no further."""

    since: float
    counts: dict[Offence, int] = field(default_factory=dict)
    names: set[bytes] = field(default_factory=set)


class Offences:
    """Counts by source; says when a limit is reached."""

    def __init__(self, limits: Limits) -> None:
        self._limits = {
            Offence.FAILED_LOGIN: limits.failed_logins,
            Offence.EXTENSION: limits.extensions,
            Offence.REFUSAL: limits.refusals,
            Offence.FLOOD: limits.flood,
        }
        self._records: Recent[_Record] = Recent(ROOM)

    def __len__(self) -> int:
        return len(self._records)

    def add(self, source: str, offence: Offence, now: float) -> bool:
        """One more; True when it is one too many."""
        record = self._of(source, now)
        record.counts[offence] = count = record.counts.get(offence, 0) + 1
        return 0 < self._limits[offence] <= count

    def asked(self, source: str, name: bytes, now: float) -> bool:
        """It asked for an extension in vain; True when it was one too many."""
        names = self._of(source, now).names
        names.add(name[:64])
        return 0 < self._limits[Offence.EXTENSION] <= len(names)

    def proved(self, source: str) -> None:
        """A password was right: what came before were the challenges on the way to it, for all
        phones behind one address. Wrong passwords stay counted.
        """
        record = self._records.get(source)
        if record is not None:
            record.names.clear()
            record.counts.pop(Offence.REFUSAL, None)

    def forget(self, source: str) -> None:
        """Begin anew."""
        self._records.drop(source)

    def _of(self, source: str, now: float) -> _Record:
        record = self._records.get(source)
        if record is None or now - record.since > _MINUTE:
            record = _Record(now)
            self._records.put(source, record)
        return record
