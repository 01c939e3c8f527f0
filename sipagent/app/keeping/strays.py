"""Strays: calls the database does not know: it was away when they were, or is another one now."""

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import structlog

from sipagent.store.began import read_began
from sipagent.store.blanking import lines_of
from sipagent.store.bundle import read_bundle
from sipagent.store.traces import Who
from sipagent.store.vault import Files, VaultError

log = structlog.get_logger(__name__)
_UNREAD = (OSError, ValueError, VaultError)


def spooled(files: Iterable[Path], who: Who) -> Iterator[str]:
    """Calls they made, of which events wait in files of lines."""
    for path in files:
        for _, line in lines_of(path):
            with suppress(ValueError, AttributeError):
                said = json.loads(line)
                event = said.get("event", said)
                if event.get("type") == "call_started" and who.is_(event["caller"]):
                    yield event["call_id"]


def folders(folder: Path) -> set[str]:
    """Names of the folders of bundles there are."""
    if not folder.is_dir():
        return set()
    return {path.name for path in folder.iterdir() if path.is_dir() and path.name[0] != "."}


def bundled(
    folder: Path, names: Iterable[str], who: Who, files: Files
) -> Iterator[tuple[str, bool]]:
    """Which of these folders hold a call of theirs, and whether they made it. One that cannot be
    read may be theirs: whoever keeps it is told.
    """
    for name in names:
        callers, others, unread = set[str](), set[str](), False
        try:
            began = read_began(folder / name, files)
            callers.add(began.caller)
            others.add(began.callee)
        except _UNREAD:
            unread = True
        try:
            record = read_bundle(folder / name, files).cdr
            callers.add(record.caller)
            others |= {record.callee, *(transfer.target for transfer in record.transfers)}
        except _UNREAD as error:
            if unread:
                log.warning("bundle_not_searched", folder=str(folder / name), cause=str(error))
        if any(map(who.is_, callers)):
            yield name, True
        elif any(map(who.is_, others)):
            yield name, False
