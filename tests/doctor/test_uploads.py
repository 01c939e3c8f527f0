"""What is wrong with object storage: it takes nothing, keeps everything, or bundles wait for it."""

import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from sipagent.config import Settings
from sipagent.store.upload.away import uploads_folder
from sipagent.store.upload.spool import Spool, Waiting
from sipagent.testing.ports import free_port
from tests.upload.object_store import Door, object_store

from .conftest import Examined, wrong

Made = Callable[..., Settings]


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    async with object_store() as made:
        yield made


def uploading(made: Settings, door: Door, **more: object) -> Settings:
    """The same server, with uploads to that store."""
    store = made.store.model_copy(update={"upload": door.upload(**more)})
    return made.model_copy(update={"store": store})


async def test_a_bucket_is_tried_with_an_object_that_is_gone_afterwards(
    settings: Made, examined: Examined, door: Door
) -> None:
    found = await examined(uploading(settings(), door, prefix="calls/"), "uploads")
    assert wrong(found) == []
    (name,) = door.puts()
    assert name.startswith("calls/sipagent-doctor-")
    assert await door.objects() == {}


@pytest.mark.parametrize("bucket", ["records", "no-such-bucket"])
async def test_a_store_that_takes_nothing_is_told(
    settings: Made, examined: Examined, door: Door, bucket: str
) -> None:
    if bucket == "records":
        door.refuse = 403
    made = uploading(settings(), door, bucket=bucket)
    (refused, waiting) = await examined(made, "uploads")
    assert (refused.code, refused.key) == ("bucket-refuses", "store.upload")
    assert bucket in refused.what
    assert "hush" not in f"{refused}"
    assert waiting.code == "ok"


async def test_a_store_that_is_away_is_told_with_its_address(
    settings: Made, examined: Examined, door: Door
) -> None:
    base = f"http://127.0.0.1:{free_port()}"
    found = await examined(uploading(settings(), door, endpoint=base, timeout=5), "uploads")
    assert wrong(found) == ["bucket-refuses"]
    assert base in found[0].what


async def test_a_store_that_lets_nothing_go_is_told_with_what_is_left(
    settings: Made, examined: Examined, door: Door
) -> None:
    door.refuse_deletes = 403
    found = await examined(uploading(settings(), door), "uploads")
    assert wrong(found) == ["bucket-keeps"]
    (left,) = await door.objects()
    assert left in found[0].what


async def test_bundles_that_could_not_be_sent_are_told_with_why(
    settings: Made, examined: Examined, door: Door, tmp_path: Path
) -> None:
    made = uploading(settings(), door)
    entry = Waiting(
        call_id="20260302-101112-aabbccdd", folder=tmp_path, prefix="x", since=time.time()
    )
    Spool(uploads_folder(made) / "waiting").put(entry.failed("the bucket is full", 60))
    found = await examined(made, "uploads")
    assert wrong(found) == ["uploads-fail"]
    assert "bundles that wait: 1; the bucket is full" in found[-1].what
