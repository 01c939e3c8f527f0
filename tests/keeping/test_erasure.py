"""Erasing one caller: nothing of them is left anywhere, and nothing of others is touched."""

import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from sipagent.app.keeping.strays import bundled
from sipagent.app.state import read_secret
from sipagent.call.numbers import NumberPlan
from sipagent.config import Limits, Trunk
from sipagent.events import MessageReceived
from sipagent.store.archive import Wish, write_archive
from sipagent.store.bundle import write_bundle
from sipagent.store.memories import MemoryBook
from sipagent.store.tolls import TollBook
from sipagent.store.traces import Who, spellings_of
from sipagent.store.vault import PLAIN
from sipagent.testing.http_door import Tokens, happens
from sipagent.testing.server import Server, running

from .calls import ANN, BEN, NAME, PLAN, WORDS, call, every_file, files_of, transferred

#: her number however it is separated, her name, and what she said
TRACES = re.compile(
    rb"3[-. ]?3[-. ]?3[-. ]?1[-. ]?2[-. ]?3[-. ]?4[-. ]?5[-. ]?6[-. ]?7|Esposito|Garibaldi"
)
SPELLINGS = (ANN, "sip:00393331234567@trunk.example", "sip:+39%20333-123.4567@other.example",
             "sip:3331234567@trunk.example")  # fmt: skip


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[tuple[Server, httpx.AsyncClient]]:
    """A server with a webhook nobody answers, a trunk of her country, and a client of its API."""
    tokens = Tokens()
    (folder / "secret").write_text("a secret of some length")
    hook = {"url": "http://127.0.0.1:9/", "events": "all", "personal": True,
            "secret_file": str(folder / "secret")}  # fmt: skip
    trunk = Trunk.model_validate(
        {"host": "127.0.0.1", "numbers": {"country": "39", "national": ""}}
    )
    async with (
        running(
            folder, PLAN, api=tokens.api, limits=Limits(warm=1), webhooks={"crm": hook},
            trunks={"it": trunk},
        ) as server,
        httpx.AsyncClient(
            base_url="http://{}:{}".format(*server.gateway.http.address or ("", 0)),
            headers={"authorization": f"Bearer {tokens.of['admin']}"},
            timeout=120,
        ) as http,
    ):  # fmt: skip
        yield server, http


async def over(server: Server, *calls: Any) -> None:
    """These calls happened, and their bundles are whole."""
    for events in calls:
        files_of(server.folder / "bundles" / events[0].call_id, events[4].text)
        happens(server, events)
    await server.wait_for(lambda: all(c[0].call_id in server.bundles for c in calls), 60)
    await server.gateway.store.flush()


async def leave_traces(server: Server) -> None:
    """In every place that keeps something of callers."""
    folder, state = server.folder / "bundles", server.folder / "bundles" / ".state"
    database = f"sqlite+aiosqlite:///{server.folder}/calls.sqlite3"
    hers = [call(f"hers-{n}", caller) for n, caller in enumerate(SPELLINGS)]
    await over(server, *hers, call("bens", BEN, words="umbrella"))
    # her number and name written anew many times: old rows are in free pages by then
    book = MemoryBook(database, read_secret(state))
    for caller in (ANN, BEN):
        note = f"{caller}: {NAME if caller == ANN else 'Benjamin'}"
        await book.keep(caller, "day/desk", note, days=9, most=200)
    await book.close()
    tolls = TollBook(database)
    payers = ("it/+393331234567", "it/+442071838750")
    await tolls.read(date(2026, 3, 2))
    await tolls.write({(date(2026, 3, 2), f"caller {payer}"): (1, 60.0) for payer in payers})
    await tolls.close()
    for name in ("events.jsonl", "events.jsonl.900.ahead", ".state/last-words/w1.jsonl"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        lines = [*call(f"stray-{name[-9:]}"), *call("bens-too", BEN, words="umbrella")]
        texts = [event.model_dump_json() for event in lines]
        if name.endswith(".ahead"):
            texts = [f'{{"n":{n},"event":{text}}}' for n, text in enumerate(texts, 1)]
        (folder / name).write_text("\n".join(texts) + "\n")
    write_bundle(folder / "unknown-to-the-database", call("unknown-to-the-database"))
    write_archive(folder / "kept.zip", folder / "hers-0", hers[0], Wish())
    (folder / ".state" / "speech" / "ab").mkdir(parents=True)
    (folder / ".state" / "speech" / "ab" / "cd.pcm").write_bytes(f"Hello {NAME}".encode())
    journal = server.gateway.ledger._journal
    journal.put("worker", "token", {"assignment": {"caller": ANN}}, "token")
    journal.drop("worker", "token")
    doors = server.gateway.http.doors
    assert doors is not None
    doors.calls.audit.note("api:desk", "192.0.2.1", "originate", "", f"error: {ANN} is denied")
    server.gateway.ledger.noted(MessageReceived(call_id="", sender=ANN, text=WORDS))


def left_in(folder: Path) -> list[Path]:
    """Files of the server in which she stands, the database's free pages among them."""
    kept = [folder / "bundles", *folder.glob("calls.sqlite3*")]
    found = [path for path in kept if path.is_file() and TRACES.search(path.read_bytes())]
    return found + [path for path, data in every_file(folder / "bundles") if TRACES.search(data)]


def rows(folder: Path, call_id: str) -> list[Any]:
    with sqlite3.connect(folder / "calls.sqlite3") as database:
        found = [
            *database.execute("SELECT * FROM events WHERE call_id = ?", (call_id,)),
            *database.execute("SELECT * FROM calls WHERE call_id = ?", (call_id,)),
        ]
    database.close()
    return found


async def test_erasing_one_caller_leaves_nothing_of_them_and_all_of_others(tmp_path: Path) -> None:
    async with serving(tmp_path) as (server, http):
        await leave_traces(server)
        assert len(left_in(tmp_path)) > 15
        bens, his_rows = dict(every_file(tmp_path / "bundles" / "bens")), rows(tmp_path, "bens")
        wish = {"caller": "+39 333 123 4567"}
        looked = (await http.post("/v1/erasures", json={**wish, "dry_run": True})).json()
        assert (looked["calls"], looked["complete"], looked["erased"]) == (8, False, {})
        places = {found["place"] for found in looked["found"]}
        assert places == {
            "database", "bundles", "events spool", "webhooks", "state", "audit.jsonl",
            "speech cache",
        }  # fmt: skip
        assert len(left_in(tmp_path)) > 15

        answer = await http.post("/v1/erasures", json=wish)
        done = answer.json()
        assert answer.status_code == 200 and done["complete"], done
        assert done["found"] == looked["found"] and done["left"] == []
        assert done["erased"].keys() == places
        assert done["subject"] == looked["subject"] and not TRACES.search(answer.content)
        assert left_in(tmp_path) == []
        with sqlite3.connect(tmp_path / "calls.sqlite3") as database:
            dump = "\n".join(database.iterdump()).encode()
        database.close()
        assert not TRACES.search(dump) and b"umbrella" in dump and b"it/+442071838750" in dump
        assert (await http.get("/v1/calls/hers-0")).status_code == 404

        assert dict(every_file(tmp_path / "bundles" / "bens")) == bens
        assert rows(tmp_path, "bens") == his_rows
        assert (await http.get("/v1/calls/bens/transcript")).json()["lines"][0][
            "text"
        ] == "umbrella"
        for name in ("events.jsonl", "events.jsonl.900.ahead"):
            text = (tmp_path / "bundles" / name).read_text()
            assert text.count('"call_id":"bens-too"') == 10
        secret = read_secret(tmp_path / "bundles" / ".state")
        book = MemoryBook(f"sqlite+aiosqlite:///{tmp_path}/calls.sqlite3", secret)
        assert await book.recall(BEN, "day/desk") and not await book.recall(ANN, "day/desk")
        await book.close()
        # and nobody finds her again
        again = (await http.post("/v1/erasures", json=wish)).json()
        assert (again["calls"], again["found"], again["erased"]) == (0, [], {})
        verdict, calls = server.gateway.keeping.chronicle.file.verify()
        assert not verdict.problems and set(calls) == {"bens"}
    assert left_in(tmp_path) == []


async def test_calls_in_which_they_were_another_party_stay_unless_asked_for(tmp_path: Path) -> None:
    async with serving(tmp_path) as (server, http):
        dialled = call("dialled", BEN, words="umbrella", callee=SPELLINGS[1])
        stray = tmp_path / "bundles" / "unknown-to-the-database"
        write_bundle(stray, call(stray.name, BEN, words="x", callee=ANN))
        await over(server, transferred("put-through", ANN), dialled, call("bens", BEN, words="x"))
        wish = {"caller": ANN}
        shown = (await http.post("/v1/erasures", json=wish)).json()
        assert (shown["calls"], shown["other_party"]) == (0, 3)
        assert rows(tmp_path, "put-through") and stray.is_dir()
        done = (await http.post("/v1/erasures", json={**wish, "as_party": "any"})).json()
        assert (done["calls"], done["other_party"], done["complete"]) == (3, 0, True)
        assert not stray.exists()
        assert not rows(tmp_path, "put-through") and not rows(tmp_path, "dialled")
        assert rows(tmp_path, "bens")


def test_a_call_nobody_knows_and_nobody_can_read_is_told_before_it_is_called_erased(
    tmp_path: Path,
) -> None:
    write_bundle(tmp_path / "anns", call("anns"))
    write_bundle(tmp_path / "sealed", call("sealed"))
    for file in (tmp_path / "sealed").iterdir():
        file.write_bytes(b"not to be read")
    with capture_logs() as lines:
        found = list(bundled(tmp_path, ["anns", "sealed"], Who(spellings_of(ANN)), PLAIN))
    assert found == [("anns", True)]
    told = [line["folder"] for line in lines if line["event"] == "bundle_not_searched"]
    assert told == [str(tmp_path / "sealed")]


async def test_who_talks_is_not_erased_and_calls_on_hold_stay(tmp_path: Path) -> None:
    async with serving(tmp_path) as (server, http):
        await over(server, call("held"), call("not-held"))
        live = call("live")
        happens(server, live[:5])
        refused = await http.post("/v1/erasures", json={"caller": ANN})
        assert refused.status_code == 409 and "ask again when it is over" in refused.text
        assert rows(tmp_path, "held")
        happens(server, live[5:])
        await server.wait_for(lambda: "live" in server.bundles, 60)
        held = await http.put("/v1/records/held/hold", json={"why": "a claim"})
        assert held.json()["by"] == "api:admin"
        done = (await http.post("/v1/erasures", json={"caller": ANN})).json()
        assert (done["calls"], done["on_hold"]) == (2, 1)
        assert rows(tmp_path, "held") and (tmp_path / "bundles" / "held").is_dir()
        assert (await http.delete("/v1/records/held/hold")).status_code == 204
        done = (await http.post("/v1/erasures", json={"caller": ANN})).json()
        assert (done["calls"], done["on_hold"], done["complete"]) == (1, 0, True)
        assert (await http.put("/v1/records/held/hold", json={})).status_code == 404
        assert (await http.delete("/v1/records/held/hold")).status_code == 404
        nobody = await http.post("/v1/erasures", json={"caller": "anonymous"})
        assert nobody.status_code == 422 and "withheld" in nobody.text


@pytest.mark.parametrize(
    ("given", "stored", "same"),
    [
        ("+39 333 1234567", "sip:00393331234567@x", True),
        ("3331234567", "sip:+393331234567@x", True),
        ("+393331234567", '"Ann" <sip:393331234567@x;user=phone>', True),
        ("+393331234567", "sip:+3933312345678@x", False),
        ("+393331234567", "sip:anonymous@anonymous.invalid", False),
        ("100", "sip:100@pbx.example", True),
        ("100", "sip:1001@pbx.example", False),
        ("alice", "sip:Alice@pbx.example", True),
        ("sip:alice@pbx.example", "sip:alice@other.example", False),
    ],
)
def test_numbers_in_several_spellings_are_one_person(given: str, stored: str, same: bool) -> None:
    who = Who(spellings_of(given, [NumberPlan(country="39", national="")]))
    assert who.is_(stored) is same
    assert who.in_(f"INVITE {stored} SIP/2.0") is same
