"""Who follows a call sees words while they are spoken; no record keeps them."""

from pathlib import Path

import pytest

from sipagent.app.ledger import Ledger
from sipagent.call.privacy import NOTHING, Privacy
from sipagent.events import CallStarted, Event, Interim, Said
from sipagent.store.records import Store
from sipagent.testing.fakes import Line, Partial, ScriptedEars
from sipagent.testing.talk import a_talk
from sipagent.testing.virtual import virtual_time

GUESSES = (Partial(200, "when"), Partial(220, "when are"), Partial(600, "when are you"))


@virtual_time
async def test_words_are_told_while_they_are_spoken_but_not_every_guess() -> None:
    ears = ScriptedEars(Line("when are you open", partials=GUESSES))
    async with a_talk(ears=ears, greeting="Good morning.") as talk:
        await talk.until(1000)
        await talk.person.speak(800, then_quiet=1500)
        told = [(e.speaker, e.text, e.start) for e in talk.call.all(Interim)]
        words = [e for e in talk.call.all(Said) if e.speaker == "caller"]
    assert told[0][:2] == ("agent", "Good morning.")
    # the second guess came 20 ms after the first
    assert told[1:3] == [("caller", "when", 1000), ("caller", "when are you", 1000)]
    assert [(e.text, e.start) for e in words] == [("when are you open", 1000)]


@pytest.mark.parametrize("privacy", [NOTHING, Privacy(redact=("card_numbers",))])
@virtual_time
async def test_nothing_is_told_early_of_a_call_that_is_redacted(privacy: Privacy) -> None:
    ears = ScriptedEars(Line("four one one", partials=GUESSES))
    async with a_talk(ears=ears, greeting="Good morning.", privacy=privacy) as talk:
        await talk.until(1000)
        await talk.person.speak(800, then_quiet=1500)
        assert bool(talk.call.all(Interim)) is (privacy is NOTHING)


async def test_interim_words_reach_who_listens_and_no_record(tmp_path: Path) -> None:
    store = Store(f"sqlite+aiosqlite:///{tmp_path}/calls.sqlite3", tmp_path / "spool.jsonl")
    await store.open()
    ledger = Ledger(store, personal=False)
    heard: list[Event] = []
    ledger.listeners.append(heard.append)
    ledger.open("c1", "sip-1", tmp_path / "c1")
    begun = CallStarted(call_id="c1", caller="sip:a@x", callee="sip:b@x")
    ledger.happened(begun)
    ledger.happened(Interim(call_id="c1", speaker="caller", text="when are", start=100))
    record = ledger.record("c1")
    assert record is not None
    assert list(record.events) == [begun]
    assert [event.type for event in heard] == ["call_started", "interim"]
    await store.flush()
    assert await store.events("c1") == [begun]
    await ledger.close()
    await store.close()
