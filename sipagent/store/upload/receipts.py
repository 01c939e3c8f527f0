"""Receipts: what of which call is in object storage, and where."""

import math
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import structlog
from pydantic import BaseModel, ConfigDict, ValidationError

from .small import place, replace

_log = structlog.get_logger(__name__)
#: the object that comes last: where it is, a bundle is whole
MANIFEST = "upload.json"


class Sent(BaseModel):
    """One object, byte for byte as the file was."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    name: str
    bytes: int
    sha256: str


class Receipt(BaseModel):
    """A bundle that is there; `at` is since when, Unix seconds. The same is `upload.json` in the
    bucket.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")
    version: int = 1
    call_id: str
    bucket: str
    prefix: str
    at: float
    files: tuple[Sent, ...]

    def sent(self, name: str) -> Sent | None:
        """The object of a file."""
        return next((sent for sent in self.files if sent.name == name), None)


class Receipts:
    """In a folder: of bundles whose files are here as well, and of those that are there only."""

    def __init__(self, folder: Path) -> None:
        self._here, self._away = folder / "here", folder / "away"

    def put(self, receipt: Receipt) -> None:
        """Its files are here, too. Raises OSError."""
        replace(place(self._here, receipt.call_id), receipt.model_dump_json())
        place(self._away, receipt.call_id).unlink(missing_ok=True)

    def change(self, receipt: Receipt) -> None:
        """Less of it is there; its files are where they were. Raises OSError."""
        away = place(self._away, receipt.call_id)
        path = away if away.exists() else place(self._here, receipt.call_id)
        replace(path, receipt.model_dump_json())

    def pruned(self, receipt: Receipt) -> None:
        """Its files are there only. Raises OSError."""
        here, away = place(self._here, receipt.call_id), place(self._away, receipt.call_id)
        away.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        here.replace(away)
        with suppress(OSError):
            here.parent.rmdir()

    def get(self, call_id: str) -> Receipt | None:
        """That of a call."""
        try:
            places = (place(self._here, call_id), place(self._away, call_id))
        except ValueError:
            return None
        return next((found for path in places if (found := _read(path)) is not None), None)

    def drop(self, call_id: str) -> None:
        """It is there no more. Raises OSError."""
        for root in (self._here, self._away):
            path = place(root, call_id)
            path.unlink(missing_ok=True)
            with suppress(OSError):
                path.parent.rmdir()

    def here(self, before: float) -> Iterator[Receipt]:
        """Of bundles whose files are here as well, and which were sent before that Unix time."""
        return _all(self._here, before)

    def away(self) -> Iterator[Receipt]:
        """Of bundles whose files are there only."""
        return _all(self._away)


def _all(root: Path, before: float = math.inf) -> Iterator[Receipt]:
    for path in sorted(root.glob("*/[!.]*.json")):
        try:
            late = path.stat().st_mtime >= before
        except FileNotFoundError:
            continue
        if not late and (found := _read(path)) is not None:
            yield found


def _read(path: Path) -> Receipt | None:
    try:
        return Receipt.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        _log.error("receipt_unreadable", path=str(path), cause=str(error))
        return None
