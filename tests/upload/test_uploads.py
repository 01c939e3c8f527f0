"""Bundles on their way to object storage, over real sockets, with what goes wrong on the way."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import pytest

from sipagent.app.uploads import Uploads
from sipagent.store.upload.bucket import Bucket
from sipagent.store.upload.spool import Spool
from sipagent.store.vault import VaultError
from sipagent.testing.mortal import until

from .bundles import SOUND, call, content, part, sent, settings
from .object_store import Door


@pytest.mark.parametrize("seals", [False, True])
async def test_a_bundle_goes_up_as_it_lies_and_is_read_from_there(
    tmp_path: Path, door: Door, *, seals: bool
) -> None:
    known = settings(tmp_path, door.upload(keep_local=0, prefix="house/"), seals=seals)
    uploads = Uploads(known)
    folder = call(known, uploads)
    before = content(folder)
    uploads.start()
    try:
        await until(lambda: not folder.exists())
    finally:
        await uploads.close()
    there = await door.objects()
    prefix = f"house/2026/03/02/{folder.name}"
    manifest = json.loads(there.pop(f"{prefix}/upload.json"))
    assert there == {f"{prefix}/{name}": data for name, data in before.items()}
    assert {f["name"]: f["bytes"] for f in manifest["files"]} == {
        name: len(data) for name, data in before.items()
    }
    assert door.puts()[-1] == f"{prefix}/upload.json"
    # nothing of it is on this disk, and all of it can be had
    files = uploads.files
    path = folder / "recording.wav"
    assert files.is_there(path)
    stored = await asyncio.to_thread(files.stored, path)
    assert stored.size == len(SOUND)
    assert await asyncio.to_thread(part, stored) == SOUND[200_000:201_000]
    assert await asyncio.to_thread(files.read, path) == SOUND
    assert not files.is_there(folder / "none.wav")
    with pytest.raises(FileNotFoundError):
        files.open(folder / "none.wav")


async def test_a_store_that_is_away_late_or_refuses_gets_everything_in_the_end(
    tmp_path: Path, door: Door
) -> None:
    known = settings(tmp_path, door.upload(timeout=1.5))
    uploads = Uploads(known)
    folder = call(known, uploads)
    await door.close()
    uploads.start()
    try:
        await until(lambda: uploads.health.failures >= 2)
        assert "cannot be had" in uploads.health.error
        await door.open()
        await sent(uploads)
        for fault, words in ((503, "cannot be had"), (403, "refuses our credentials")):
            door.refuse = fault
            call(known, uploads, 2 if fault == 503 else 3)
            await until(lambda: uploads.health.failures >= 2)
            assert words in uploads.health.error
            assert "hush" not in uploads.health.error
            door.refuse = None
            await sent(uploads, 2 if fault == 503 else 3)
        door.late = 4.0
        call(known, uploads, 4)
        await until(lambda: uploads.health.failures >= 1)
        door.late = 0.0
        await sent(uploads, 4)
    finally:
        await uploads.close()
    there = await door.objects()
    assert len(there) == 4 * (len(content(folder)) + 1)
    for path in known.store.bundles.glob("2*/*"):
        assert there[f"2026/03/02/{path.parent.name}/{path.name}"] == path.read_bytes()


async def test_a_connection_that_ends_in_the_middle_is_made_good(
    tmp_path: Path, door: Door
) -> None:
    known = settings(tmp_path, door.upload())
    uploads = Uploads(known)
    door.cut_after = 1
    folder = call(known, uploads)
    uploads.start()
    try:
        await until(lambda: uploads.health.failures >= 1)
        half = await door.objects()
        assert len(half) == 1
        assert f"2026/03/02/{folder.name}/upload.json" not in half
        door.cut_after = None
        await sent(uploads)
    finally:
        await uploads.close()
    assert len(await door.objects()) == len(content(folder)) + 1
    assert list(Spool(tmp_path / "calls/.state/uploads/waiting").all()) == []


_SENDER = """
import asyncio, sys
from pathlib import Path
from sipagent.app.uploads import Uploads
from sipagent.config import load

async def main():
    uploads = Uploads(load(Path(sys.argv[1])))
    uploads.start()
    await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.slow
async def test_a_sender_that_is_killed_goes_on_where_it_was(tmp_path: Path, door: Door) -> None:
    known = settings(tmp_path, door.upload())
    uploads = Uploads(known)
    folders = [call(known, uploads, number) for number in range(4)]
    file = tmp_path / "sipagent.yaml"
    told = {"bucket": "records", "endpoint": f"http://127.0.0.1:{door.port}"}
    keys = {"access_key_id": "tester", "secret_access_key": "hush-hush-hush"}
    file.write_text(json.dumps({"store": {"bundles": "calls", "upload": {**told, **keys}}}))

    async def sender() -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(sys.executable, "-c", _SENDER, str(file))

    process = await sender()
    door.on_put = lambda path: process.kill() if len(door.seen) >= 5 else None
    assert await asyncio.wait_for(process.wait(), 100) == -signal.SIGKILL
    assert 0 < len(await door.objects()) < 4 * (len(content(folders[0])) + 1)
    door.on_put = lambda path: None
    process = await sender()
    try:
        spool = Spool(known.state_folder / "uploads" / "waiting")
        await until(lambda: spool.count == 0)
    finally:
        process.kill()
        await process.wait()
    there = await door.objects()
    expected = {
        f"2026/03/02/{folder.name}/{name}": data
        for folder in folders
        for name, data in content(folder).items()
    }
    manifests = {f"2026/03/02/{folder.name}/upload.json" for folder in folders}
    assert there.keys() == expected.keys() | manifests
    assert {name: there[name] for name in expected} == expected


async def test_what_was_changed_here_is_sent_again_before_it_goes(
    tmp_path: Path, door: Door
) -> None:
    known = settings(tmp_path, door.upload(keep_local=0))
    uploads = Uploads(known)
    folder = call(known, uploads)
    waits = settings(tmp_path, door.upload())
    first = Uploads(waits)
    first.start()
    await sent(first)
    await first.close()
    (folder / "call.json").write_bytes(b"{}")
    uploads.start()
    try:
        await until(lambda: not folder.exists())
    finally:
        await uploads.close()
    assert (await door.objects())[f"2026/03/02/{folder.name}/call.json"] == b"{}"


async def test_a_bundle_that_is_gone_is_not_waited_for(tmp_path: Path, door: Door) -> None:
    known = settings(tmp_path, door.upload())
    uploads = Uploads(known)
    for path in (folder := call(known, uploads)).iterdir():
        path.unlink()
    folder.rmdir()
    uploads.start()
    spool = Spool(known.state_folder / "uploads" / "waiting")
    await until(lambda: spool.count == 0)
    await uploads.close()
    assert await door.objects() == {}


async def test_what_is_away_cannot_be_read_while_the_store_is(tmp_path: Path, door: Door) -> None:
    known = settings(tmp_path, door.upload(keep_local=0, timeout=1))
    uploads = Uploads(known)
    folder = call(known, uploads)
    uploads.start()
    await until(lambda: not folder.exists())
    await uploads.close()
    door.refuse = 503
    with pytest.raises(VaultError, match=r"the bucket records at http://127.0.0.1:\d+ cannot"):
        await asyncio.to_thread(uploads.files.read, folder / "recording.wav")


async def test_a_long_recording_goes_up_in_parts(tmp_path: Path, door: Door) -> None:
    long = tmp_path / "long.wav"
    long.write_bytes(os.urandom(11 << 20))
    bucket = Bucket(door.upload())
    await bucket.put("a/long.wav", long, "audio/wav")
    assert await bucket.size("a/long.wav") == 11 << 20
    assert (await door.objects())["a/long.wav"] == long.read_bytes()
