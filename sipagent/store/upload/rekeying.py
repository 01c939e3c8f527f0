"""Rekeying there: having another key open what is in object storage only."""

import asyncio
import hashlib
import io
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from sipagent.store.vault import Keyring
from sipagent.store.vault.form import HEADER_MOST, Header, NotSealed, parse

from .bucket import Bucket, manifest
from .receipts import MANIFEST, Receipt, Receipts, Sent

_BLOCK = 1 << 20


async def keys_there(receipt: Receipt, bucket: Bucket) -> list[str | None]:
    """The name of the key that opens each object of a bundle; None of a plain one. Raises
    VaultError.
    """
    found = []
    for sent in receipt.files:
        header = await asyncio.to_thread(_header, bucket, receipt, sent)
        found.append(None if header is None else header.key)
    return found


async def rekeyed_there(
    receipt: Receipt, bucket: Bucket, receipts: Receipts, keys: Keyring, *, try_only: bool = False
) -> int:
    """Put each object that another key opens anew, with a header for the current one; how many
    those were. Raises VaultError, OSError.
    """
    files, count = [], 0
    for sent in receipt.files:
        header = await asyncio.to_thread(_header, bucket, receipt, sent)
        if header is None or header.key == keys.current:
            files.append(sent)
            continue
        count += 1
        if not try_only:
            files.append(await _put(receipt, sent, header, bucket, keys))
    if count and not try_only:
        now = receipt.model_copy(update={"files": tuple(files)})
        text = manifest(now.model_dump_json())
        await bucket.put(f"{now.prefix}/{MANIFEST}", text, "application/json")
        await asyncio.to_thread(receipts.change, now)
    return count


def _header(bucket: Bucket, receipt: Receipt, sent: Sent) -> Header | None:
    with bucket.open(f"{receipt.prefix}/{sent.name}", sent.bytes, HEADER_MOST) as file:
        try:
            return parse(file.read(HEADER_MOST))
        except NotSealed:
            return None


async def _put(receipt: Receipt, sent: Sent, header: Header, bucket: Bucket, keys: Keyring) -> Sent:
    name = f"{receipt.prefix}/{sent.name}"
    key = keys.unwrap(header.key, header.wrapped)
    head = header.under(keys.current, keys.wrap(key)).pack()
    with TemporaryDirectory(prefix="sipagent-rekey-") as folder:
        copy = Path(folder) / sent.name  # sealed, as it was there
        with bucket.open(name, sent.bytes) as there:
            again = await asyncio.to_thread(_copied, there, len(header.pack()), head, copy)
        await bucket.put(name, copy, "application/octet-stream")
    return again


def _copied(there: BinaryIO, skip: int, head: bytes, copy: Path) -> Sent:
    there.seek(skip)
    with copy.open("w+b") as out:
        out.write(head)
        shutil.copyfileobj(there, out, _BLOCK)
        size = out.tell()
        out.seek(0, io.SEEK_SET)
        digest = hashlib.file_digest(out, "sha256").hexdigest()
    return Sent(name=copy.name, bytes=size, sha256=digest)
