"""Records last as long as the rules say, and not longer."""

import json
import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from sipagent.api.calls import Principal
from sipagent.api.keeping import HoldWish
from sipagent.app.keeping import Keeping, keeping_alone
from sipagent.config import Retention, Settings, Store
from sipagent.config.retention import length_of
from sipagent.events import Event
from sipagent.store.bundle import read_bundle, write_bundle
from sipagent.store.records import Store as Records
from sipagent.store.tolls import TollBook

from .calls import ANN, BEN, NAME, WORDS, call, files_of, recorded

NOW = datetime.now(UTC)
OPERATOR = Principal("api:desk")


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def settings_in(folder: Path, **retention: Any) -> Settings:
    return Settings(
        store=Store(
            database=f"sqlite+aiosqlite:///{folder}/calls.sqlite3", bundles=folder / "calls"
        ),
        state=folder / "state",
        retention=Retention.model_validate(retention),
    )


@asynccontextmanager
async def keeping(settings: Settings) -> AsyncIterator[Keeping]:
    with keeping_alone(settings, exclusive=False) as made:
        try:
            yield made
        finally:
            await made.close()


async def there(settings: Settings, *calls: list[Event]) -> None:
    """These calls are on record, with their bundles."""
    await recorded(settings.store, *calls)
    for events in calls:
        folder = settings.store.bundles / events[0].call_id
        files_of(folder, events[4].text)  # type: ignore[union-attr]
        write_bundle(folder, events)


async def on_record(settings: Settings) -> set[str]:
    records = Records(settings.store.database, settings.store.bundles / "events.jsonl")
    page = await records.search()
    await records.close()
    return {record.call_id for record in page.calls}


def names(settings: Settings, call_id: str) -> set[str]:
    folder = settings.store.bundles / call_id
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


@pytest.mark.parametrize(
    ("text", "length"),
    [("12h", timedelta(hours=12)), ("30d", timedelta(days=30)), ("4w", timedelta(days=28)),
     ("6mo", timedelta(days=182.5)), ("2y", timedelta(days=730.5)), ("forever", None)],
)  # fmt: skip
def test_a_time_to_keep_is_written_as_people_write_it(text: str, length: timedelta | None) -> None:
    assert length_of(Retention(records=text).records) == length


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"records": "30 days"}, "is not a time to keep"),
        ({"records": "0d"}, "is not a time to keep"),
        ({"records": 30}, "valid string"),
        ({"rules": [{"records": "30d"}]}, "fits every call"),
        ({"rules": [{"plan": "day"}]}, "says nothing"),
        ({"rules": [{"status": "9xx", "records": "1d"}]}, "pattern"),
        ({"videos": "1d"}, "not permitted"),
    ],
)
def test_a_rule_that_means_nothing_is_refused(wrong: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        Retention.model_validate(wrong)


async def test_the_first_rule_that_fits_a_call_decides(tmp_path: Path) -> None:
    settings = settings_in(
        tmp_path,
        records="30d",
        plans={"support": {"records": "7d"}, "board": {"records": "forever"}},
        rules=[
            {"plan": "support", "status": "4xx", "records": "1d"},
            {"direction": "outbound", "records": "60d"},
            {"outcome": "unanswered", "recordings": "1d"},
        ],
    )
    await there(
        settings,
        call("new", at=ago(29)),
        call("old", at=ago(31)),
        call("support-new", at=ago(6), plan="support"),
        call("support-old", at=ago(8), plan="support"),
        call("support-busy", at=ago(2), plan="support", status=486),
        call("board", at=ago(900), plan="board"),
        call("out", at=ago(50), direction="outbound"),
        call("out-support", at=ago(50), direction="outbound", plan="support"),
        call("out-old", at=ago(61), direction="outbound"),
    )
    async with keeping(settings) as keeper:
        shown = await keeper.prune(dry_run=True)
        assert shown.counts == {"records": 4} and len(await on_record(settings)) == 9
        done = await keeper.prune()
        assert done.counts == {"records": 4} and not done.problems and done.bytes_freed > 10_000
    assert await on_record(settings) == {
        "new", "support-new", "board", "out", "out-support",
    }  # fmt: skip
    assert not (settings.store.bundles / "old").exists()
    assert names(settings, "new") == {
        "call.json", "timeline.svg", "recording.wav", "models.jsonl",
    }  # fmt: skip


async def test_each_kind_of_data_goes_at_its_own_time(tmp_path: Path) -> None:
    settings = settings_in(
        tmp_path, recordings="1d", models="2d", transcripts="3d", ladders="4d", records="5d"
    )
    days = [0.5, 1.5, 2.5, 3.5, 4.5, 5.5]
    await there(settings, *(call(f"d{n}", at=ago(age)) for n, age in enumerate(days)))
    async with keeping(settings) as keeper:
        counts = (await keeper.prune()).counts
        assert counts == {
            "recordings": 4,
            "models": 3,
            "transcripts": 2,
            "ladders": 1,
            "records": 1,
        }
        assert not (await keeper.prune()).counts
    sound, usual = {"recording.wav"}, {"call.json", "timeline.svg"}
    assert names(settings, "d0") == usual | sound | {"models.jsonl"}
    assert names(settings, "d1") == usual | {"models.jsonl"}
    assert names(settings, "d2") == names(settings, "d3") == names(settings, "d4") == usual
    assert names(settings, "d5") == set()
    assert read_bundle(settings.store.bundles / "d2").transcript[0].said == WORDS
    thin = read_bundle(settings.store.bundles / "d3")
    assert (thin.transcript[0].said, thin.cdr.turns, len(thin.sip)) == ("", {"caller": 1}, 1)
    assert thin.tools[0].arguments == {} and thin.cdr.caller == ANN
    assert read_bundle(settings.store.bundles / "d4").sip == ()


async def test_words_that_went_are_in_no_file_any_more(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, transcripts="1d")
    await there(settings, call("old", at=ago(2)), call("new", BEN, at=ago(0.5), words="umbrella"))
    async with keeping(settings) as keeper:
        assert (await keeper.prune()).counts == {"transcripts": 1}
    for path in tmp_path.rglob("*"):
        if path.is_file():
            text = path.read_bytes()
            assert WORDS.encode() not in text and NAME.encode() not in text, path
    with sqlite3.connect(tmp_path / "calls.sqlite3") as database:
        [[caller]] = database.execute("SELECT caller FROM calls WHERE call_id = 'old'")
        [[events]] = database.execute("SELECT count(*) FROM events WHERE call_id = 'old'")
    database.close()
    assert (caller, events) == (ANN, 10)


async def test_a_call_on_hold_stays_until_it_is_released(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, records="1d", recordings="1h")
    await there(settings, call("held", at=ago(2)), call("free", at=ago(2)))
    async with keeping(settings) as keeper:
        await keeper.hold("held", HoldWish(why="claim 7"), OPERATOR)
        [hold] = await keeper.holds()
        assert (hold.call_id, hold.by, hold.why) == ("held", "api:desk", "claim 7")
        assert (await keeper.prune()).counts == {"records": 1}
        assert await on_record(settings) == {"held"} and "recording.wav" in names(settings, "held")
        view = await keeper.retention()
        assert [rule.keep for rule in view.rules] == [{"recordings": "1h", "records": "1d"}]
        assert view.due[0].calls["records"] == 0 and len(view.holds) == 1
        await keeper.release("held")
        assert (await keeper.prune()).counts == {"records": 1}
    assert await on_record(settings) == set()


async def test_what_cannot_be_removed_is_told_and_stays_due_and_the_rest_goes(
    tmp_path: Path,
) -> None:
    settings = settings_in(tmp_path, records="1d")
    await there(settings, *(call(f"c{n}", at=ago(2 + n)) for n in range(25)))

    class Away:
        """An archive of calls elsewhere, which does not answer for one of them."""

        def __init__(self) -> None:
            self.asked: list[str] = []

        async def gone(self, call_id: str, kind: str) -> None:
            self.asked.append(call_id)
            if call_id == "c20" and self.asked.count("c20") < 2:
                raise OSError("not to be reached")

    async with keeping(settings) as keeper:
        keeper.pruning.others.append(Away())
        first = await keeper.prune()
        assert first.counts == {"records": 24}
        assert first.problems == ("records of c20: not to be reached",)
        assert await on_record(settings) == {"c20"} and names(settings, "c20")
        assert (await keeper.prune()).counts == {"records": 1}
    assert await on_record(settings) == set()


async def test_a_call_that_goes_on_or_has_no_end_yet_is_let_alone(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, records="1h")
    await there(settings, call("over", at=ago(1)))
    await recorded(settings.store, call("live", at=ago(1))[:5], call("lost", at=ago(9))[:5])
    async with keeping(settings) as keeper:
        assert (await keeper.prune()).counts == {"records": 2}
    assert await on_record(settings) == {"live"}


async def test_sums_of_tolls_and_old_speech_go_too(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, tolls="30d", speech="1d")
    await there(settings, call("c"))
    book = TollBook(settings.store.database)
    await book.read(date(2026, 1, 1))
    days = (ago(31).date(), ago(29).date())
    await book.write({(day, "caller it/+39333"): (1, 60.0) for day in days})
    speech = settings.state_folder / "speech" / "ab" / "cd.pcm"
    speech.parent.mkdir(parents=True)
    speech.write_bytes(b"speech")
    async with keeping(settings) as keeper:
        assert (await keeper.prune()).counts == {"tolls": 1}
        os.utime(speech, (ago(2).timestamp(),) * 2)
        assert (await keeper.prune()).counts == {"speech": 1}
    assert list(await book.read(days[0])) == [] and list(await book.read(days[1]))
    await book.close()


async def test_the_disk_gets_back_what_went(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, records="1d")
    await there(settings, *(call(f"c{n}", at=ago(2), words="x" * 9_000) for n in range(40)))
    before = (tmp_path / "calls.sqlite3").stat().st_size
    async with keeping(settings) as keeper:
        done = await keeper.prune()
    assert done.counts == {"records": 40} and done.database_unused == 0
    assert (tmp_path / "calls.sqlite3").stat().st_size < before / 3


async def test_what_goes_by_rule_is_on_the_chain_which_still_verifies(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, records="5d", transcripts="1d")
    await there(settings, call("gone", at=ago(9)), call("thin", at=ago(2)))
    async with keeping(settings) as keeper:
        for name in ("gone", "thin"):
            folder = settings.store.bundles / name
            keeper.chronicle.recorded(read_bundle(folder).cdr, folder)
        await keeper.prune()
        await keeper.chronicle.flush()
        verdict, calls = keeper.chronicle.file.verify()
    assert not verdict.problems and set(calls) == {"thin"}
    text = (settings.store.bundles / ".audit" / "chain.1.audit").read_text()
    kinds = [json.loads(line)["kind"] for line in text.splitlines()]
    assert kinds == ["call", "call", "gone", "kept", "retention"]
    assert "393331234567" not in text and WORDS not in text


async def test_of_several_nodes_each_removes_its_own_and_one_of_them_the_rest(
    tmp_path: Path,
) -> None:
    settings = settings_in(tmp_path, records="10d")
    await there(settings, call("mine", at=ago(10.5)))
    nobodys = [call("theirs", at=ago(10.5)), call("nobodys", at=ago(11.5))]
    await recorded(settings.store, *nobodys)
    leads = False
    async with keeping(settings) as keeper:
        keeper.pruning.leads = lambda: leads
        assert (await keeper.prune()).counts == {"records": 1}
        assert await on_record(settings) == {"theirs", "nobodys"}
        leads = True
        assert (await keeper.prune()).counts == {"records": 1}
    assert await on_record(settings) == {"theirs"}
