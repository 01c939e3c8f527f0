"""What of calls is in object storage: removed with them, and put under another key."""

import asyncio
import hashlib
from pathlib import Path

import pytest
from pydantic import SecretStr

from sipagent.app.uploads import Uploads
from sipagent.config.encryption import key_bytes
from sipagent.store.traces import Trace, Who
from sipagent.store.upload.away import Away
from sipagent.store.upload.bucket import Bucket, StoreFailed
from sipagent.store.upload.receipts import Receipts
from sipagent.store.upload.rekeying import keys_there, rekeyed_there
from sipagent.store.upload.spool import Spool
from sipagent.store.vault import Files, Keyring
from sipagent.testing.mortal import until

from .bundles import KEY, SOUND, call, content, sent, settings
from .object_store import Door


async def test_a_call_that_is_erased_is_gone_from_there_too(tmp_path: Path, door: Door) -> None:
    known = settings(tmp_path, door.upload())
    uploads = Uploads(known)
    one, other = call(known, uploads, 1), call(known, uploads, 2)
    [objects] = uploads.objects
    theirs = Who(frozenset({"+4420"}), frozenset({one.name, "never-was", "../x"}))
    count = len(content(one)) + 1
    assert await objects.find(theirs) == [Trace("uploads", "bundles", 1)]
    uploads.start()
    try:
        await sent(uploads, 2)
        assert await objects.find(theirs) == [Trace("object storage", "objects", count)]
        door.refuse = 503
        with pytest.raises(StoreFailed):
            await objects.erase(theirs)
        door.refuse = None
        assert await objects.erase(theirs) == count
        assert await objects.erase(theirs) == 0
        assert await objects.find(theirs) == []
        assert {name.split("/")[3] for name in await door.objects()} == {other.name}
        assert uploads.files.is_there(other / "recording.wav")
    finally:
        await uploads.close()


async def test_what_retention_takes_goes_there_too(tmp_path: Path, door: Door) -> None:
    known = settings(tmp_path, door.upload(keep_local=0))
    uploads = Uploads(known)
    folder = call(known, uploads)
    [objects] = uploads.objects
    uploads.start()
    try:
        await until(lambda: not folder.exists())
        await objects.gone(folder.name, "recordings")
        left = {name.rpartition("/")[2] for name in await door.objects()}
        assert left == {"call.json", "upload.json"}
        assert not uploads.files.is_there(folder / "recording.wav")
        assert uploads.files.is_there(folder / "call.json")
        await objects.gone(folder.name, "records")
        assert await door.objects() == {}
        await objects.gone(folder.name, "records")
    finally:
        await uploads.close()


async def test_what_is_left_here_is_sent_anew_once_a_part_of_it_went(
    tmp_path: Path, door: Door
) -> None:
    known = settings(tmp_path, door.upload())
    uploads = Uploads(known)
    folder = call(known, uploads)
    [objects] = uploads.objects
    spool = Spool(known.state_folder / "uploads" / "waiting")
    uploads.start()
    try:
        await sent(uploads)
        await objects.gone(folder.name, "recordings")
        [waits] = spool.all()
        assert waits.next_try > waits.since + 30
        (folder / "recording.wav").unlink()  # as retention does now
        spool.again()
        await sent(uploads, 2)
    finally:
        await uploads.close()
    left = {name.rpartition("/")[2] for name in await door.objects()}
    assert left == {"call.json", "timeline.svg", "upload.json"}


async def test_what_is_there_only_is_put_under_another_key_and_read_with_it(
    tmp_path: Path, door: Door
) -> None:
    known = settings(tmp_path, door.upload(keep_local=0), seals=True)
    uploads = Uploads(known)
    folder = call(known, uploads)
    uploads.start()
    await until(lambda: not folder.exists())
    await uploads.close()
    old, new = key_bytes(SecretStr(KEY)), bytes(32)
    receipts = Receipts(known.state_folder / "uploads")
    [receipt] = receipts.away()
    bucket, both = Bucket(door.upload()), Keyring({"k": old, "new": new}, "new")
    before = await door.objects()
    assert await rekeyed_there(receipt, bucket, receipts, both, try_only=True) == 3
    assert await door.objects() == before
    assert await rekeyed_there(receipt, bucket, receipts, both) == 3
    [receipt] = receipts.away()
    assert await keys_there(receipt, bucket) == ["new"] * 3
    assert await rekeyed_there(receipt, bucket, receipts, both) == 0
    files = Files(Keyring({"new": new}, "new"), Away(bucket, receipts))
    assert await asyncio.to_thread(files.read, folder / "recording.wav") == SOUND
    name = f"{receipt.prefix}/recording.wav"
    digest = hashlib.sha256((await door.objects())[name]).hexdigest()
    assert receipt.files[1].sha256 == digest
