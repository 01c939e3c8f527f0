"""Sending: one bundle's way to object storage, and its files' way off this disk."""

import asyncio
import hashlib
import re
import time
from datetime import UTC, datetime
from mimetypes import guess_type
from pathlib import Path

from sipagent.call.cdr import Cdr
from sipagent.config.upload import Upload
from sipagent.store.vault import Files
from sipagent.store.vault.rekeying import files_in

from .bucket import Bucket, StoreFailed, manifest
from .receipts import MANIFEST, Receipt, Receipts, Sent
from .spool import Waiting

_ODD = re.compile(r"[^A-Za-z0-9._-]+")
_BLOCK = 1 << 20


def waiting(settings: Upload, cdr: Cdr, folder: Path) -> Waiting:
    """A bundle that is whole now, under the name that the settings give it."""
    began = (cdr.started or cdr.ended or datetime.now(UTC)).astimezone(UTC)
    words = {
        "call_id": cdr.call_id,
        "plan": _ODD.sub("_", cdr.plan).strip(".") or "_",
        "year": f"{began:%Y}",
        "month": f"{began:%m}",
        "day": f"{began:%d}",
        "hour": f"{began:%H}",
    }
    path = settings.path.format_map(words)
    before = f"{settings.prefix.rstrip('/')}/" if settings.prefix else ""
    return Waiting(call_id=cdr.call_id, folder=folder, prefix=f"{before}{path}", since=time.time())


async def send(entry: Waiting, bucket: Bucket, files: Files) -> Receipt:
    """Put every file of a bundle there, and what is there last of all: doing it again does no harm.
    Raises StoreFailed, OSError, and FileNotFoundError where there is no such bundle any more.
    """
    await asyncio.to_thread(files.finish, entry.folder)
    sent = []
    for path in await asyncio.to_thread(lambda: list(files_in(entry.folder))):
        one = await asyncio.to_thread(_measured, path)
        name = f"{entry.prefix}/{path.name}"
        await bucket.put(name, path, guess_type(path.name)[0] or "application/octet-stream")
        if (size := await bucket.size(name)) != one.bytes:
            raise StoreFailed(f"{name} has {size} bytes there, and {one.bytes} here")
        if await asyncio.to_thread(_measured, path) != one:
            raise OSError(f"{path} was written while it was sent")
        sent.append(one)
    if not sent:
        raise FileNotFoundError(str(entry.folder))
    receipt = Receipt(
        call_id=entry.call_id,
        bucket=bucket.name,
        prefix=entry.prefix,
        at=time.time(),
        files=tuple(sent),
    )
    text = manifest(receipt.model_dump_json())
    await bucket.put(f"{entry.prefix}/{MANIFEST}", text, "application/json")
    return receipt


def prune(receipt: Receipt, folder: Path, receipts: Receipts) -> bool:
    """Take the files off this disk that are there byte for byte. False where one is not: then all
    of them stay, and the bundle has to be sent again. Raises OSError.
    """
    here = list(files_in(folder))
    if any(receipt.sent(path.name) != _measured(path) for path in here):
        return False
    for path in here:
        path.unlink(missing_ok=True)
    receipts.pruned(receipt)
    if not any(folder.glob("*")) and folder.is_dir():
        folder.rmdir()
    return True


def _measured(path: Path) -> Sent:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:  # as it lies, sealed or not
        while block := file.read(_BLOCK):
            digest.update(block)
            size += len(block)
    return Sent(name=path.name, bytes=size, sha256=digest.hexdigest())
