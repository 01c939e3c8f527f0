"""Fingerprint of a call's record: hashes by which a change of it is seen later."""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from sipagent.call.cdr import Cdr

from .bundle import CALL
from .chain import digest_of
from .vault import PLAIN, Files

_PART = 1 << 20


def fingerprint(folder: Path, record: Cdr, files: Files = PLAIN) -> Mapping[str, str]:
    """SHA-256 by file of the bundle that never changes once it is whole: `call.json` and the
    recordings, as their plain bytes; those that are there. Raises OSError, VaultError.
    """
    return dict(_digests(folder, record, files))


def record_digest(record: Cdr) -> str:
    """Of the record as the database has it."""
    return digest_of(record.model_dump(mode="json"))


def _digests(folder: Path, record: Cdr, files: Files) -> Iterator[tuple[str, str]]:
    for name in (CALL, *record.recordings):
        path = folder / name
        if files.is_there(path):
            with files.open(path, cut=True) as file:
                digest = hashlib.sha256()
                while part := file.read(_PART):
                    digest.update(part)
            yield name, digest.hexdigest()
