"""`sipagent records` and `sipagent audit`."""

import asyncio
import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sipagent.app.keeping import keeping_alone
from sipagent.app.state import State
from sipagent.cli.style import settings_from
from sipagent.events import CallEnded, CallStarted, Event, Said
from sipagent.store.bundle import read_bundle, write_bundle
from sipagent.store.orders import Order, OrderBook, Subject
from sipagent.store.records import Store
from sipagent.testing.program import Run

ANN, BEN = "sip:+393331234567@trunk.example", "sip:+442071838750@trunk.example"
SETTINGS = """
store: {database: "sqlite+aiosqlite:///calls.sqlite3", bundles: calls}
retention: {records: 1y, plans: {support: {recordings: 7d}}}
"""


def call(call_id: str, caller: str) -> list[Event]:
    return [
        CallStarted(call_id=call_id, caller=caller, callee="sip:100@x", plan="day"),
        Said(call_id=call_id, speaker="caller", text="umbrella", start=0, end=1),
        CallEnded(call_id=call_id),
    ]


@pytest.fixture
def kept(folder: Path) -> Path:
    """A folder with two calls, sealed on the audit chain, as a server leaves them."""
    (folder / "sipagent.yaml").write_text(SETTINGS)

    async def leave() -> None:
        settings = settings_from(None)
        state = State(settings.state_folder)
        state.open()
        state.close()
        store = Store(settings.store.database, settings.store.bundles / "events.jsonl")
        await store.open()
        for events in (call("anns", ANN), call("bens", BEN)):
            write_bundle(folder / "calls" / events[0].call_id, events)
            for event in events:
                store.append(event)
        await store.close()
        with keeping_alone(settings, exclusive=False) as keeping:
            for call_id in ("anns", "bens"):
                bundle = folder / "calls" / call_id
                keeping.chronicle.recorded(read_bundle(bundle).cdr, bundle)
            await keeping.close()

    asyncio.run(leave())
    return folder


def test_rules_and_holds_are_told_and_pruning_counts_first(kept: Path, run: Run) -> None:
    shown = run("records").out
    assert "plan support: recordings 7d" in shown and "all: records 1y" in shown
    assert "Nothing is past its time." in run("records", "prune").out
    assert run("records", "hold", "bens", "--why", "claim 7").code == 0
    assert "bens (cli: claim 7)" in run("records").out
    told = json.loads(run("records", "--json").out)
    assert [hold["call_id"] for hold in told["holds"]] == ["bens"]
    (kept / "sipagent.yaml").write_text(SETTINGS.replace("1y", "1h"))
    assert json.loads(run("records", "prune", "--dry-run", "--json").out)["counts"] == {}
    assert run("records", "release", "bens").code == 0
    again = run("records", "release", "bens")
    assert again.code == 1 and "no call 'bens' is on hold" in again.err
    assert "no call 'nobodys' on record" in run("records", "hold", "nobodys").err.replace("\n", " ")
    assert "bytes given back" in run("records", "compact").out


def test_a_caller_is_erased_while_no_server_runs(kept: Path, run: Run) -> None:
    looked = run("records", "erase", "--caller", "00393331234567", "--dry-run")
    assert looked.code == 0 and "1 calls in database" in looked.out
    assert (kept / "calls" / "anns").is_dir()
    done = json.loads(run("records", "erase", "--caller", "+39 333 1234567", "--yes", "--json").out)
    assert (done["calls"], done["complete"], done["left"]) == (1, True, [])
    assert not (kept / "calls" / "anns").exists() and (kept / "calls" / "bens").is_dir()
    assert "Nothing is known of that caller." in run(
        "records", "erase", "--caller", "+393331234567", "--dry-run"
    ).out  # fmt: skip
    assert "nothing was changed" in run("audit", "verify", "--files").out
    assert "withheld" in run("records", "erase", "--caller", "anonymous", "--dry-run").err


def test_what_nodes_have_still_to_erase_is_told_and_forgotten_with_a_node(
    kept: Path, run: Run
) -> None:
    nothing = run("cluster", "erasures")
    assert nothing.code == 0 and "no node has anything to erase" in nothing.out

    async def ordered() -> None:
        book = OrderBook(settings_from(None).store.database)
        subject = Subject("+393331234567", "caller", "cli")
        at = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
        await book.put([Order("erasure-1", node, at, subject) for node in "bc"])
        await book.close()

    asyncio.run(ordered())
    told = run("cluster", "erasures")
    assert told.code == 1 and "b: 1, the oldest of 2026-03-02 09:00 UTC" in told.out
    assert "393331234567" not in told.out
    assert "node d has nothing to erase" in run("cluster", "erasures", "--forget", "d").err
    left = json.loads(run("cluster", "erasures", "--forget", "b", "--yes", "--json").out)
    assert left == [{"node": "c", "orders": 1, "since": "2026-03-02T09:00:00+00:00"}]
    [chain] = (kept / "calls" / ".audit").glob("*.audit")
    assert '"erasures_forgotten"' in chain.read_text()
    assert run("audit", "verify").code == 0


def test_a_server_that_runs_is_asked_to_erase(kept: Path, run: Run) -> None:
    with keeping_alone(settings_from(None), exclusive=True):
        refused = run("records", "erase", "--caller", "+393331234567", "--yes")
        assert refused.code == 1 and "SIPAGENT_TOKEN" in refused.err
        busy = run("records", "compact")
        assert busy.code == 1 and "a server runs" in busy.err


def test_whoever_changes_a_sealed_call_or_the_chain_is_found_out(
    kept: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("audit", "checkpoint", "-o", "kept.json").code == 0
    assert "2 entries, 1 to 2" in run("audit", "verify", "--checkpoint", "kept.json").out
    record = kept / "calls" / "bens" / "call.json"
    record.write_text(record.read_text().replace("umbrella", "parasols"))
    changed = run("audit", "verify", "--files")
    assert changed.code == 1 and "call.json of bens was changed" in changed.out
    [chain] = (kept / "calls" / ".audit").glob("*.audit")
    lines = chain.read_text().splitlines(keepends=True)
    chain.write_text(lines[0] + re.sub('"record":"..', '"record":"00', lines[1]))
    told = json.loads(run("audit", "verify", "--json").out)
    assert told["problems"] == ["entry 2 was changed"]
    chain.write_text(lines[0])
    assert "the end was cut off" in run("audit", "verify").out.replace("\n", " ")
    (kept / "sipagent.yaml").write_text(SETTINGS + "audit: {key_env: AUDIT_KEY}\n")
    assert "AUDIT_KEY has to hold at least 16 characters" in run("audit", "verify").err.replace(
        "\n", " "
    )
    monkeypatch.setenv("AUDIT_KEY", "a secret of some length")
    unsigned = run("audit", "verify", "--checkpoint", "kept.json")
    assert unsigned.code == 1 and "was not signed by a key" in unsigned.err
