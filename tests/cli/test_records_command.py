"""`sipagent records`: keys of files, and changing them."""

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest

from sipagent.store.bundle import CALL
from sipagent.store.vault import Files, Keyring
from sipagent.store.vault.rekeying import rekeyed, sealed
from sipagent.testing.program import Run

OLD = base64.b64encode(b"old " * 7 + b"old!").decode()
NEW = base64.b64encode(b"new " * 7 + b"new!").decode()
SOUND = os.urandom(100_000)


@pytest.fixture
def configured(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Writes sipagent.yaml with these of the two keys, the last being the current one."""
    monkeypatch.setenv("KEY_OLD", OLD)
    monkeypatch.setenv("KEY_NEW", NEW)

    def configure(*names: str) -> Files:
        lines = "".join(f'      "{name}": ${{env:KEY_{name.upper()}}}\n' for name in names)
        text = f"store:\n  encryption:\n    keys:\n{lines}    current: {names[-1]}\n"
        (folder / "sipagent.yaml").write_text(text)
        keys = {"old": b"old " * 7 + b"old!", "new": b"new " * 7 + b"new!"}
        return Files(Keyring({name: keys[name] for name in names}, names[-1]))

    return configure


def call(folder: Path, number: int, files: Files) -> Path:
    path = folder / "calls" / f"c{number}"
    path.mkdir(parents=True)
    with files.create(path / "call.wav") as sound:
        sound.write(SOUND)
    files.write(path / CALL, b"{}")
    return path


def keys_told(run: Run) -> Any:
    return json.loads(run("records", "keys", "--json").out)


def test_a_key_is_changed_for_all_files_and_then_dropped(
    run: Run, folder: Path, configured: Any
) -> None:
    old = configured("old")
    one, two = call(folder, 1, old), call(folder, 2, old)
    (folder / "calls" / ".state").mkdir()
    times = [path.stat().st_mtime_ns for path in sorted(one.iterdir())]
    both = configured("old", "new")
    call(folder, 3, both)
    assert {key["key"]: key["files"] for key in keys_told(run)["keys"]} == {"old": 4, "new": 2}

    tried = run("records", "rekey", "--dry-run")
    assert "4 files would be put under the key new" in tried.out
    assert keys_told(run)["keys"][0]["files"] == 4

    done = run("records", "rekey")
    assert (done.code, done.out.splitlines()[0]) == (0, "4 files put under the key new")
    assert keys_told(run)["keys"][0] == {
        "key": "old", "files": 0, "current": False, "known": True
    }  # fmt: skip
    assert run("records", "rekey").out.startswith("0 files")
    new = configured("new")
    assert new.read(one / "call.wav") == new.read(two / "call.wav") == SOUND
    assert [path.stat().st_mtime_ns for path in sorted(one.iterdir())] == times
    assert sorted(path.name for path in one.iterdir()) == ["call.json", "call.wav"]


def test_a_missing_key_is_told_and_what_it_sealed_stays_as_it_is(
    run: Run, folder: Path, configured: Any
) -> None:
    path = call(folder, 1, configured("old")) / "call.wav"
    raw = path.read_bytes()
    configured("new")
    told = run("records", "keys")
    assert told.code == 1
    assert "not in the settings" in told.out
    done = run("records", "rekey")
    assert done.code == 1
    assert "is sealed with the key 'old', which store.encryption.keys does not have" in done.out
    assert path.read_bytes() == raw
    shut = run("records", "open", str(path))
    assert shut.code == 1
    assert "calls/c1/call.wav: it is sealed with the key 'old'" in shut.err


def test_what_lay_plain_can_be_sealed_but_not_while_its_call_goes_on(
    run: Run, folder: Path, configured: Any
) -> None:
    new = configured("new")
    path = call(folder, 1, Files())
    live = folder / "calls" / "live"
    live.mkdir()
    (live / "call.wav").write_bytes(SOUND)
    assert "3 lie plain; --plain seals them" in run("records", "rekey").out
    assert run("records", "rekey", "--plain").out.startswith("2 files")
    assert new.read(path / "call.wav") == SOUND
    assert (live / "call.wav").read_bytes() == SOUND
    assert keys_told(run)["plain"] == 1


def test_a_file_that_is_being_written_is_left_alone(
    run: Run, folder: Path, configured: Any
) -> None:
    old = configured("old")
    path = folder / "calls" / "c1"
    path.mkdir(parents=True)
    writing = old.create(path / "call.wav")
    writing.write(SOUND)
    files = configured("old", "new")
    assert "1 are being written" in run("records", "rekey").out
    writing.write(SOUND)
    writing.close()
    assert files.read(path / "call.wav") == SOUND * 2


@pytest.mark.parametrize("gone", [True, False])
def test_what_was_erased_or_written_anew_meanwhile_does_not_come_back(
    folder: Path, configured: Any, monkeypatch: pytest.MonkeyPatch, *, gone: bool
) -> None:
    path = call(folder, 1, configured("old")) / "call.wav"
    both: Files = configured("old", "new")
    assert both.keys is not None
    fsync = os.fsync

    def meanwhile(file: int) -> None:
        fsync(file)
        monkeypatch.undo()
        path.unlink() if gone else both.write(path, b"anew")

    monkeypatch.setattr(os, "fsync", meanwhile)
    assert rekeyed(path, both.keys) == "moved"
    left = {p.name for p in path.parent.iterdir()} - {CALL}
    assert left == (set() if gone else {path.name})
    assert gone or both.read(path) == b"anew"


def test_a_rekeying_that_was_killed_is_begun_again(folder: Path, configured: Any) -> None:
    path = call(folder, 1, configured("old")) / "call.wav"
    both: Files = configured("old", "new")
    assert both.keys is not None
    path.with_name(".call.wav.rekey").write_bytes(b"half of it")
    assert rekeyed(path, both.keys) == "done"
    assert (both.read(path), sealed(path, both.keys)) == (SOUND, "current")
    assert len(list(path.parent.iterdir())) == 2


def test_a_sealed_file_is_written_out_plain(run: Run, folder: Path, configured: Any) -> None:
    path = call(folder, 1, configured("old")) / "call.wav"
    assert run("records", "open", str(path), "-o", "plain.wav").code == 0
    assert (folder / "plain.wav").read_bytes() == SOUND
    gone = run("records", "open", "calls/c1/none.wav")
    assert (gone.code, gone.err) == (1, "error: calls/c1/none.wav: No such file or directory\n")


def test_without_keys_there_is_nothing_to_rekey_with(run: Run, folder: Path) -> None:
    assert "there is no key: store.encryption" in run("records", "rekey").err


def test_a_key_that_stands_in_the_settings_is_warned_of(run: Run, folder: Path) -> None:
    text = f'store: {{encryption: {{keys: {{"2026": "{OLD}"}}, current: "2026"}}}}\n'
    (folder / "sipagent.yaml").write_text(text)
    checked = run("check")
    words = checked.out.replace("\n", " ")
    assert "warning: store.encryption.keys.2026: the key itself stands here" in words
    assert OLD not in words


@pytest.mark.parametrize(
    ("encryption", "why"),
    [
        ('{keys: {a: "c2hvcnQ="}, current: a}', "not 32 bytes in base64"),
        ('{keys: {a: "no base 64!"}, current: a}', "not 32 bytes in base64"),
        (f'{{keys: {{a: "{OLD}"}}, current: b}}', "there is no key 'b'; there are a"),
        ("{keys: {}, current: b}", "at least 1 item"),
    ],
)
def test_wrong_keys_are_refused_without_being_shown(
    encryption: str, why: str, run: Run, folder: Path
) -> None:
    (folder / "sipagent.yaml").write_text(f"store: {{encryption: {encryption}}}\n")
    refused = run("check")
    assert refused.code == 1
    assert why in refused.err.replace("\n", " ")
    assert "c2hvcnQ" not in refused.err
