"""Calls of two people, told as a worker tells them, and the traces they leave."""

import wave
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sipagent.config import Store
from sipagent.events import (
    CallEnded,
    CallStarted,
    Event,
    LegChanged,
    PolicyDecided,
    RecordingStarted,
    RecordingStopped,
    Said,
    SipMessage,
    ToolCalled,
    VerbDone,
)
from sipagent.store.records import Store as Records

PLAN = """
routes: [{to: "100"}]
sections:
  main: [answer, hangup]
"""
BEGIN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ANN, BEN = "sip:+393331234567@trunk.example", "sip:+442071838750@trunk.example"
NAME, WORDS = "Giovanna Esposito", "my cat is called Garibaldi"


def call(
    call_id: str,
    caller: str = ANN,
    *,
    at: datetime = BEGIN,
    words: str = WORDS,
    status: int = 200,
    **more: Any,
) -> list[Event]:
    """One call from its beginning to its end."""
    began = {"caller": caller, "callee": "sip:100@pbx.example", "plan": "day", **more}
    name = "Benjamin" if caller == BEN else NAME
    over = at + timedelta(seconds=20)
    leg: dict[str, Any] = {"leg": "1", "remote": caller}
    return [
        CallStarted(call_id=call_id, at=at, t=5_000, **began),
        SipMessage(
            call_id=call_id, at=at, source="udp:192.0.2.7:5060", destination="us",
            start_line=f"INVITE {began['callee']} SIP/2.0", cseq="1 INVITE", sip_call_id=call_id,
        ),
        LegChanged(call_id=call_id, at=at, t=5_010, state="confirmed", **leg),
        RecordingStarted(call_id=call_id, at=at, t=5_020, control_id="r", path="recording.wav"),
        Said(call_id=call_id, at=at, t=7_000, speaker="caller", text=words, start=6_000, end=7_000),
        ToolCalled(call_id=call_id, at=at, t=7_100, id="t", tool="look", arguments={"of": name}),
        PolicyDecided(
            call_id=call_id, at=at, t=7_200, verb="transfer", by="model", allowed=False,
            reason=f"{caller} may not",
        ),
        RecordingStopped(
            call_id=call_id, at=over, t=8_000, control_id="r", path="recording.wav",
            duration_ms=1_000,
        ),
        LegChanged(call_id=call_id, at=over, t=9_000, state="disconnected", **leg),
        CallEnded(call_id=call_id, at=over, t=9_010, status=status, by="caller"),
    ]  # fmt: skip


def transferred(call_id: str, target: str, at: datetime = BEGIN) -> list[Event]:
    """A call of Ben's that is put through to somebody."""
    events = call(call_id, BEN, at=at, words="put me through please")
    who: dict[str, Any] = {"leg": "2", "role": "callee", "remote": target}
    events[-2:-2] = [
        LegChanged(call_id=call_id, at=at, t=7_300, state="calling", **who),
        VerbDone(call_id=call_id, at=at, t=7_400, verb="transfer", by="model", ok=True, status=200),
        LegChanged(call_id=call_id, at=at, t=7_500, state="disconnected", **who),
    ]
    return events


def files_of(folder: Path, words: str = WORDS) -> None:
    """What a worker leaves in a call's folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with wave.open(str(folder / "recording.wav"), "wb") as sound:
        sound.setparams((2, 2, 8_000, 0, "NONE", ""))
        sound.writeframes(bytes(3_200))
    (folder / "models.jsonl").write_text(f'{{"type":"request","prompt":"{words}"}}\n')


async def recorded(store: Store, *calls: list[Event]) -> None:
    """Calls in a database, as a server leaves them."""
    records = Records(store.database, store.bundles / "events.jsonl")
    await records.open()
    for events in calls:
        for event in events:
            records.append(event)
    await records.close()


def every_file(*folders: Path) -> Iterator[tuple[Path, bytes]]:
    """Each with what is in it."""
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                yield path, path.read_bytes()
