"""The folder a call leaves behind."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sipagent.events import CallEnded, Event, LegChanged, RecordingStopped, Said
from sipagent.store.bundle import read_bundle, write_bundle

Recorder = Callable[[Path, list[Event]], Path]


def test_a_bundle_holds_the_whole_call_and_can_be_read_back(
    tmp_path: Path, busy_call: list[Event], recorder: Recorder
) -> None:
    recorder(tmp_path, busy_call)
    write_bundle(tmp_path, busy_call)
    bundle = read_bundle(tmp_path)
    assert bundle.events == tuple(busy_call)
    assert bundle.cdr.denials == 1
    assert bundle.recordings == ("recording.wav",)
    assert [rung.start_line.split()[0] for rung in bundle.sip][:2] == ["INVITE", "SIP/2.0"]
    assert len(bundle.policy) == 2
    assert len(bundle.turns) == 2


def test_the_transcript_tells_what_was_said_from_what_was_heard(
    tmp_path: Path, busy_call: list[Event]
) -> None:
    transcript = write_bundle(tmp_path, busy_call).transcript
    cut = next(line for line in transcript if line.said != line.heard)
    assert cut.who == "agent"
    assert cut.heard == "We are open from nine to five, Monday"
    assert cut.said.endswith("Monday to Friday, and on Saturdays from ten to one.")
    assert [line.who for line in transcript][:3] == ["agent", "caller", "agent"]


def test_tools_are_told_with_their_results(tmp_path: Path, busy_call: list[Event]) -> None:
    tools = write_bundle(tmp_path, busy_call).tools
    assert [(tool.tool, tool.ok) for tool in tools] == [
        ("transfer", False),
        ("transfer", False),
        ("hangup", True),
    ]
    assert tools[1].result == "486 Busy Here: sales is busy"


def test_the_bundle_of_a_worker_that_died_is_whole_too(
    tmp_path: Path, busy_call: list[Event], recorder: Recorder
) -> None:
    half: list[Event] = [e for e in busy_call if e.t < 68_000 and not isinstance(e, CallEnded)]
    recording = recorder(tmp_path, half)
    with recording.open("r+b") as torn:
        torn.truncate(recording.stat().st_size - 1_001)
    bundle = write_bundle(tmp_path, half)
    assert bundle.cdr.reason == "unfinished"
    assert bundle.tools[-1].ok is None
    assert "unfinished" in (tmp_path / "timeline.svg").read_text()


def test_a_missing_recording_costs_only_its_waveform(
    tmp_path: Path, busy_call: list[Event]
) -> None:
    bundle = write_bundle(tmp_path, busy_call)
    assert bundle.recordings == ()
    assert (tmp_path / "timeline.svg").exists()


def test_a_recording_from_elsewhere_can_be_drawn(
    tmp_path: Path, busy_call: list[Event], recorder: Recorder
) -> None:
    events = [e for e in busy_call if "recording" not in e.type]
    elsewhere = tmp_path / "elsewhere"
    wav = recorder(elsewhere, busy_call)
    write_bundle(tmp_path / "plain", events)
    write_bundle(tmp_path / "drawn", events, wav)
    plain, drawn = ((tmp_path / n / "timeline.svg").read_text() for n in ("plain", "drawn"))
    assert len(drawn) > 2 * len(plain)


def test_a_second_writing_replaces_the_first_and_leaves_no_drafts(
    tmp_path: Path, busy_call: list[Event]
) -> None:
    write_bundle(tmp_path, busy_call[:5])
    write_bundle(tmp_path, busy_call)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["call.json", "timeline.svg"]
    assert read_bundle(tmp_path).cdr.reason == "normal"


def test_a_full_disk_leaves_the_old_bundle_as_it_was(
    tmp_path: Path, busy_call: list[Event]
) -> None:
    write_bundle(tmp_path, busy_call[:5])
    (tmp_path / "timeline.svg").unlink()
    (tmp_path / "timeline.svg").mkdir()  # what cannot be replaced stands in for a full disk
    with pytest.raises(OSError, match="timeline"):
        write_bundle(tmp_path, busy_call)
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


def test_a_folder_that_cannot_be_made_is_an_os_error(
    tmp_path: Path, busy_call: list[Event]
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        write_bundle(tmp_path / "file" / "bundle", busy_call)


def test_a_call_refused_at_once_has_a_bundle(tmp_path: Path) -> None:
    events: list[Event] = [
        LegChanged(call_id="c", leg="1", remote="sip:a@x", state="incoming"),
        CallEnded(call_id="c", status=503, reason="no room", by="system"),
    ]
    assert write_bundle(tmp_path, events).cdr.status == 503


def test_strange_words_survive(tmp_path: Path) -> None:
    text = 'ü "quotes" </text><script>\x00\x1b 漢字 \ud7ff'
    said = Said(call_id="c", speaker="caller", text=text, start=0, end=900)
    stop = RecordingStopped(call_id="c", control_id="a", path="../a.wav", duration_ms=0)
    write_bundle(tmp_path, [said, stop])
    assert read_bundle(tmp_path).transcript[0].heard == text
