"""The spool: what waits is on disk, whoever is killed, and never more of it than there may be."""

import os
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from sipagent.app.hooks.spool import Spool

BODY = b'{"type":"x"}'


def opened(folder: Path, most: int = 1 << 20) -> Spool:
    """The spool `hook` of a folder, as a server finds it."""
    spool = Spool(folder / "hook", most)
    spool.open()
    return spool


def waiting(folder: Path) -> list[tuple[str, bytes]]:
    """What a server that starts now would find."""
    spool = Spool(folder / "hook", 1 << 20)
    return [(entry.id, spool.body(entry)) for entry in spool.open()]


def files(folder: Path) -> list[str]:
    """By name."""
    return sorted(path.name for path in folder.iterdir())


def test_what_is_put_is_found_again_by_whoever_comes_after_a_kill(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    for n in range(3):
        spool.put(f"e{n}", "c", 1.5, b'{"n":%d,"text":"a\\tb"}' % n)
    assert waiting(tmp_path) == [(f"e{n}", b'{"n":%d,"text":"a\\tb"}' % n) for n in range(3)]


def test_what_was_acknowledged_is_not_found_again(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    entries = [spool.put(f"e{n}", "c", 0, BODY) for n in range(3)]
    assert entries[1] is not None
    spool.done(entries[1])
    assert [each for each, _ in waiting(tmp_path)] == ["e0", "e2"]
    assert spool.waiting == 2


def test_an_event_that_waits_is_not_put_twice(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    assert spool.put("e", "c", 0, BODY) is not None
    assert spool.put("e", "c", 0, BODY) is None
    spool.close()
    assert opened(tmp_path).put("e", "c", 0, BODY) is None


def test_an_idle_spool_leaves_no_file(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    entry = spool.put("e", "c", 0, BODY)
    assert entry is not None
    spool.done(entry)
    spool.close()
    assert files(tmp_path) == []


def test_a_full_spool_drops_its_oldest_and_stays_within_its_bound(tmp_path: Path) -> None:
    most = 1 << 16
    spool = opened(tmp_path, most)
    for n in range(2_000):
        spool.put(f"e{n}", "c", 0, b'{"x":"%s"}' % (b"x" * 100))
    assert spool.dropped > 0
    assert spool.waiting + spool.dropped == 2_000
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= most
    assert spool.oldest is not None
    assert spool.oldest.id == f"e{spool.dropped}"
    assert [each for each, _ in waiting(tmp_path)][-1] == "e1999"


def test_half_a_line_costs_that_event_only(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    for n in range(3):
        spool.put(f"e{n}", "c", 0, BODY)
    path = next(tmp_path.glob("*.spool"))
    path.write_bytes(path.read_bytes()[:-4])
    assert [each for each, _ in waiting(tmp_path)] == ["e0", "e1"]


@pytest.mark.skipif(os.getuid() != 0 and not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_told_once_and_counted(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    (tmp_path / "hook.1.spool").symlink_to("/dev/full")
    (tmp_path / "hook.2.spool").symlink_to("/dev/full")
    with capture_logs() as lines:
        assert spool.put("e0", "c", 0, BODY) is None
        assert spool.put("e1", "c", 0, BODY) is None
        assert spool.put("e2", "c", 0, BODY) is not None  # there is room again
    assert [line["event"] for line in lines] == ["webhook_spool_failed"]
    assert (spool.dropped, spool.waiting) == (2, 1)


def test_marks_of_a_segment_that_is_gone_are_swept_up(tmp_path: Path) -> None:
    (tmp_path / "hook.4.done").write_text("e0\n")
    opened(tmp_path).close()
    assert files(tmp_path) == []
