"""The audit chain: whoever changes it is found out."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sipagent.store.chain import Key, Verdict
from sipagent.store.chain_file import ChainFile, Checkpoint, Note

BEGIN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
KEY, OLD = Key(b"a secret of some length"), Key(b"the secret before that one")


def note(number: int) -> Note:
    data = {"verb": "transfer", "by": "model", "allowed": number % 2 == 0, "number": number}
    return Note("policy", data, BEGIN + timedelta(minutes=number))


def chain(folder: Path, key: Key | None = None, count: int = 9, **more: int) -> ChainFile:
    made = ChainFile(folder / "audit", folder / "state" / "audit.head", key, **more)
    for first in range(1, count + 1, 3):
        made.add([note(number) for number in range(first, min(first + 3, count + 1))])
    return made


def lines_of(folder: Path) -> list[bytes]:
    return (folder / "audit" / "chain.1.audit").read_bytes().splitlines(keepends=True)


def tampered(folder: Path, how: Callable[[list[bytes]], list[bytes]]) -> None:
    (folder / "audit" / "chain.1.audit").write_bytes(b"".join(how(lines_of(folder))))


def verdict(made: ChainFile, *keys: Key, kept: tuple[Checkpoint, ...] = ()) -> Verdict:
    return made.verify(keys, kept)[0]


def with_entry(lines: list[bytes], n: int, **changes: object) -> list[bytes]:
    entry = json.loads(lines[n - 1]) | changes
    return [*lines[: n - 1], json.dumps(entry).encode() + b"\n", *lines[n:]]


@pytest.mark.parametrize("key", [None, KEY])
def test_what_nobody_touched_verifies(tmp_path: Path, key: Key | None) -> None:
    made = chain(tmp_path, key)
    assert verdict(made, *[key] if key else []) == Verdict(1, 9, 9)


@pytest.mark.parametrize("key", [None, KEY])
@pytest.mark.parametrize(
    ("how", "n", "what"),
    [
        (lambda lines: with_entry(lines, 4, data={"allowed": True}), 4, "entry 4 was changed"),
        (lambda lines: with_entry(lines, 4, at="2027"), 4, "entry 4 was changed"),
        (lambda lines: lines[:3] + lines[4:], 4, "entry 4 is gone"),
        (lambda lines: lines[:3] + lines[6:], 4, "entries 4 to 6 are gone"),
        (lambda lines: lines[2:], 1, "entries 1 to 2 are gone"),
        (lambda lines: [*lines[:3], lines[4], lines[3], *lines[5:]], 4, "reordered"),
        (lambda lines: [*lines[:5], lines[2], *lines[5:]], 3, "moved, or put in"),
        (lambda lines: [*lines[:5], b'{"n":6}\n', *lines[6:]], 6, "a line there cannot be read"),
        (lambda lines: lines[:7], 8, "entries 8 to 9 are gone: the end was cut off"),
        (lambda lines: [], 1, "entries 1 to 9 are gone: the end was cut off"),
    ],
)
def test_the_first_entry_that_was_touched_is_named(
    tmp_path: Path,
    key: Key | None,
    how: Callable[[list[bytes]], list[bytes]],
    n: int,
    what: str,
) -> None:
    made = chain(tmp_path, key)
    tampered(tmp_path, how)
    [problem] = verdict(made, *[key] if key else []).problems
    assert problem.n == n and what in problem.what


def test_an_entry_put_in_by_who_can_count_is_found_where_it_stands(tmp_path: Path) -> None:
    made = chain(tmp_path)
    forged = chain(tmp_path / "theirs")
    tampered(tmp_path, lambda lines: lines[:4])
    chain_only = ChainFile(tmp_path / "audit", tmp_path / "nowhere" / "head")
    chain_only.add([Note("policy", {"forged": True}, BEGIN)])
    tampered(tmp_path, lambda lines: [*lines, *lines_of(tmp_path / "theirs")[4:]])
    [problem] = verdict(made).problems
    assert problem.n == 5 and "moved, or put in" in problem.what
    assert not verdict(forged).problems


def test_all_of_it_made_anew_is_found_by_the_head_the_key_or_a_checkpoint(tmp_path: Path) -> None:
    kept = chain(tmp_path / "a", KEY).checkpoint()
    chain(tmp_path / "b", None)
    for name in ("a", "b"):
        folder = tmp_path / name
        (folder / "audit" / "chain.1.audit").unlink()
        ChainFile(folder / "audit", tmp_path / name / "new.head").add(
            [note(number * 2) for number in range(1, 10)]
        )
    by_head = ChainFile(tmp_path / "b" / "audit", tmp_path / "b" / "state" / "audit.head")
    assert "another one than it was" in verdict(by_head).problems[0].what
    # whoever could write the head, too, is found by what they could not
    forger = ChainFile(tmp_path / "a" / "audit", tmp_path / "a" / "new.head")
    assert not verdict(forger).problems
    assert "another one than it was" in verdict(forger, kept=(kept,)).problems[0].what
    assert kept.is_ours([OLD, KEY]) and not kept.is_ours([OLD])


def test_with_a_key_nothing_can_be_added_without_it(tmp_path: Path) -> None:
    made = chain(tmp_path, KEY)
    ChainFile(tmp_path / "audit", tmp_path / "state" / "audit.head").add([note(10)])
    [problem] = verdict(made, KEY).problems
    assert problem.n == 10 and "has no key" in problem.what


def test_keys_change_and_a_chain_may_begin_without_one(tmp_path: Path) -> None:
    chain(tmp_path, None, 3)
    chain(tmp_path, OLD, 3)
    made = chain(tmp_path, KEY, 3)
    assert verdict(made, KEY, OLD) == Verdict(1, 9, 9)
    assert "by a key that is not given" in verdict(made, KEY).problems[0].what
    [warning] = verdict(made).warnings
    assert "signatures were not looked at" in warning


def test_a_crash_in_the_middle_of_a_line_is_no_tampering(tmp_path: Path) -> None:
    made = chain(tmp_path)
    with (tmp_path / "audit" / "chain.1.audit").open("ab") as file:
        file.write(b'{"n":10,"at":"20')
    made.add([note(10)])
    found = verdict(made)
    assert not found.problems and "a crash cut it" in found.warnings[0]
    assert found.last == 10


def test_what_was_pruned_ends_in_a_checkpoint_and_the_rest_verifies(
    tmp_path: Path,
) -> None:
    made = chain(tmp_path, KEY, 30, segment_bytes=1_500)
    before = len(list((tmp_path / "audit").glob("*.audit")))
    gone = made.prune(BEGIN + timedelta(minutes=12))
    assert 0 < gone < 12 and len(list((tmp_path / "audit").glob("*.audit"))) < before
    assert verdict(made, KEY) == Verdict(gone + 1, 30, 30 - gone)
    # the same by hand
    next(
        iter(sorted((tmp_path / "audit").glob("*.audit"), key=lambda p: p.stat().st_mtime_ns))
    ).unlink()
    [problem] = verdict(made, KEY).problems
    assert problem.n == gone + 1 and "gone" in problem.what


def test_a_checkpoint_somebody_made_up_does_not_hide_what_is_gone(tmp_path: Path) -> None:
    made = chain(tmp_path, KEY)
    entry = json.loads(lines_of(tmp_path)[3])
    tampered(tmp_path, lambda lines: lines[4:])
    forged = Checkpoint(n=4, hash=entry["hash"], at=BEGIN)
    (tmp_path / "audit" / "checkpoints.jsonl").write_text(forged.model_dump_json() + "\n")
    [problem] = verdict(made, KEY).problems
    assert "is not signed by a key" in problem.what


def test_two_processes_take_turns(tmp_path: Path) -> None:
    one, other = chain(tmp_path, None, 3), chain(tmp_path, None, 3)
    one.add([note(1)])
    other.add([note(2)])
    one.add([note(3)])
    assert verdict(other) == Verdict(1, 9, 9)


def test_a_head_that_was_taken_away_is_told(tmp_path: Path) -> None:
    made = chain(tmp_path)
    (tmp_path / "state" / "audit.head").unlink()
    assert "whether the end was cut off cannot be said" in verdict(made).warnings[0]
