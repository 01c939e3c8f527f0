"""`sipagent uploads`: what waits, and having it tried."""

import json
from pathlib import Path
from typing import Any

import pytest

from sipagent.events import CallEnded, CallStarted
from sipagent.store.bundle import write_bundle
from sipagent.store.upload.receipts import Receipt, Receipts
from sipagent.store.upload.spool import Spool
from sipagent.testing.program import Run

ID = "20260302-09000{}-1a2b3c4d"
AT: Any = "2026-03-02T09:00:00Z"


@pytest.fixture
def spool(folder: Path) -> Spool:
    """Of a server with three calls on record."""
    keys = (
        "bucket: records, endpoint: 'http://127.0.0.1:9', prefix: house, path: '{plan}/{call_id}'"
    )
    (folder / "sipagent.yaml").write_text(f"store: {{upload: {{{keys}}}}}\n")
    for number in range(3):
        call_id = ID.format(number)
        begun = CallStarted(call_id=call_id, at=AT, caller="a", callee="b", plan="day & night")
        over = CallEnded(call_id=call_id, at=AT, status=200, by="caller")
        write_bundle(folder / "calls" / call_id, [begun, over])
    return Spool(folder / "calls/.state/uploads/waiting")


def told(run: Run) -> Any:
    return json.loads(run("uploads", "--json").out)["waiting"]


def test_calls_of_before_are_added_and_wait_for_the_server(
    run: Run, folder: Path, spool: Spool
) -> None:
    assert run("uploads").out == "nothing waits to be uploaded\n"
    one = Receipt(call_id=ID.format(0), bucket="b", prefix="p", at=1.0, files=())
    Receipts(folder / "calls/.state/uploads").put(one)
    assert run("uploads", "add", "--all").out.startswith("2 bundles wait")
    assert [entry["prefix"] for entry in told(run)] == [
        f"house/day_night/{ID.format(number)}" for number in (1, 2)
    ]
    assert run("uploads", "add", ID.format(0)).out.startswith("1 bundles wait")
    assert run("uploads").code == 0
    assert ID.format(0) in run("uploads").out
    gone = run("uploads", "add", "none")
    assert (gone.code, gone.err) == (1, "error: there is no bundle in calls/none\n")
    assert "name calls" in run("uploads", "add").err


def test_what_failed_is_told_and_tried_again(run: Run, spool: Spool) -> None:
    run("uploads", "add", ID.format(1))
    [entry] = spool.all()
    spool.put(entry.failed("the bucket b cannot be had", 60))
    failed = run("uploads")
    assert failed.code == 1
    assert "failed: the bucket b cannot be had" in failed.out
    assert spool.wanted_again() == 0
    assert run("uploads", "retry").out.startswith("1 bundles will be tried")
    assert spool.wanted_again() > 0


def test_an_entry_that_is_no_entry_is_put_aside(run: Run, spool: Spool) -> None:
    run("uploads", "add", ID.format(1), ID.format(2))
    [first, _] = sorted(Path("calls/.state/uploads/waiting").glob("*/*.json"))
    first.write_text("{half")
    assert ID.format(1) not in run("uploads").out.partition("since")[2]
    assert [entry["call_id"] for entry in told(run)] == [ID.format(2)]
    assert first.with_suffix(".broken").read_text() == "{half"


def test_without_a_place_to_upload_to_that_is_told(run: Run, folder: Path) -> None:
    assert "`store.upload` of sipagent.yaml says where to" in run("uploads").err
