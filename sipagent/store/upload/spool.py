"""Spool: the bundles that wait to be uploaded, a small file each, which survives whoever serves."""

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import structlog
from pydantic import BaseModel, ConfigDict, ValidationError

from .small import place, replace

_log = structlog.get_logger(__name__)
_AGAIN = "again"


class Waiting(BaseModel):
    """One bundle: its folder here, and what its objects' names begin with. Times are Unix
    seconds; `error` is why the last attempt failed.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")
    call_id: str
    folder: Path
    prefix: str
    since: float
    attempts: int = 0
    next_try: float = 0.0
    error: str = ""

    def failed(self, cause: str, wait: float) -> "Waiting":
        """After one more attempt that came to nothing; the next after `wait` seconds."""
        update = {"attempts": self.attempts + 1, "error": cause, "next_try": time.time() + wait}
        return self.model_copy(update=update)


class Spool:
    """In a folder, which commands look into while a server works on it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, entry: Waiting) -> None:
        """Have it wait, in place of what is known of its call. Raises OSError."""
        replace(place(self._folder, entry.call_id), entry.model_dump_json())

    def get(self, call_id: str) -> Waiting | None:
        """What waits of a call. Raises ValueError for what is no id."""
        return _read(place(self._folder, call_id))

    def drop(self, call_id: str) -> None:
        """It waits no more. Raises OSError."""
        path = place(self._folder, call_id)
        path.unlink(missing_ok=True)
        with suppress(OSError):
            path.parent.rmdir()

    def all(self) -> Iterator[Waiting]:
        """All that waits, the oldest day first."""
        for path in sorted(self._folder.glob("*/[!.]*.json")):
            if (found := _read(path)) is not None:
                yield found

    @property
    def count(self) -> int:
        """How many wait."""
        return sum(1 for _ in self._folder.glob("*/[!.]*.json"))

    def again(self) -> None:
        """Have a server try all of it now. Raises OSError."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self._folder / _AGAIN).touch()

    def wanted_again(self) -> float:
        """When somebody asked for that last, Unix seconds; 0 where nobody did."""
        try:
            return (self._folder / _AGAIN).stat().st_mtime
        except OSError:
            return 0.0


def _read(path: Path) -> Waiting | None:
    try:
        return Waiting.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        _log.error("upload_entry_unreadable", path=str(path), cause=str(error))
    except ValidationError:
        # put aside, so that this is told once
        with suppress(OSError):
            path.replace(path.with_suffix(".broken"))
        _log.error("upload_entry_broken", path=str(path.with_suffix(".broken")))
    return None
