"""Files of bundles, sealed: what is read is what was written, or nothing."""

import io
import os
import stat
import struct
import wave
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipagent.media.frames import Frame
from sipagent.media.recording import Recording
from sipagent.providers.writers import writers_into
from sipagent.store.bundle import CALL, TIMELINE, read_bundle, write_bundle
from sipagent.store.vault import Damaged, Files, KeyMissing, Keyring, KeyWrong
from sipagent.store.vault.files import LINES
from sipagent.store.vault.form import TAG_BYTES, Header, parse

OLD, NEW = bytes(range(32)), bytes(range(32, 64))
SEALING = Files(Keyring({"2026": OLD}, "2026"))
CHUNK = 1 << LINES


def kept(folder: Path, data: bytes, files: Files = SEALING, name: str = "a.jsonl") -> Path:
    """A sealed file in chunks of 4 KiB."""
    folder.mkdir(exist_ok=True)
    with files.create(folder / name) as file:
        for start in range(0, len(data), 1000):
            file.write(data[start : start + 1000])
    return folder / name


def start_of(path: Path) -> int:
    return len(parse(path.read_bytes()[:1024]).pack())


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 7])
def test_what_was_written_is_read_and_does_not_stand_there(size: int, tmp_path: Path) -> None:
    data = (b"It was said in confidence. " * 1000)[:size]
    path = kept(tmp_path, data)
    raw = path.read_bytes()
    assert b"confidence" not in raw
    assert len(raw) == start_of(path) + size + (size // CHUNK + 1) * TAG_BYTES
    assert SEALING.read(path) == data
    assert SEALING.stored(path).size == size
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@given(
    st.integers(0, 3 * CHUNK + 9),
    st.lists(st.tuples(st.integers(0, 3 * CHUNK), st.integers(0, 2 * CHUNK)), max_size=8),
)
def test_any_part_is_read_as_of_a_plain_file(
    tmp_path_factory: pytest.TempPathFactory, size: int, parts: list[tuple[int, int]]
) -> None:
    data = os.urandom(size)
    plain = io.BytesIO(data)
    with SEALING.open(kept(tmp_path_factory.mktemp("c"), data)) as file:
        for start, length in parts:
            assert (file.seek(start), plain.seek(start)) == (start, start)
            assert file.read(length) == plain.read(length)


def test_a_plain_file_is_read_by_all_and_a_new_one_replaces_it_sealed(tmp_path: Path) -> None:
    path = tmp_path / "call.json"
    Files().write(path, b"plain")
    assert (path.read_bytes(), SEALING.read(path)) == (b"plain", b"plain")
    SEALING.write(path, b"sealed")
    assert SEALING.read(path) == b"sealed"
    assert os.listdir(tmp_path) == ["call.json"]


def test_each_key_opens_its_own_and_a_missing_or_another_one_is_named(tmp_path: Path) -> None:
    path = kept(tmp_path, b"secret")
    both = Files(Keyring({"2026": OLD, "2027": NEW}, "2027"))
    assert both.read(path) == b"secret"
    assert both.read(kept(tmp_path, b"new", both, "b.jsonl")) == b"new"
    with pytest.raises(KeyMissing, match=r"a\.jsonl: it is sealed with the key '2026', which"):
        Files(Keyring({"2027": NEW}, "2027")).open(path)
    with pytest.raises(KeyMissing, match="which store"):
        Files().open(path)
    with pytest.raises(KeyWrong, match="is not the one it was sealed with"):
        Files(Keyring({"2026": NEW}, "2026")).open(path)


def test_every_byte_that_is_changed_is_seen(tmp_path: Path) -> None:
    path = kept(tmp_path, b"x" * 300)
    raw = path.read_bytes()
    for place in range(len(b"sipaseal"), len(raw)):
        path.write_bytes(raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :])
        with pytest.raises((Damaged, KeyMissing, KeyWrong)):
            SEALING.read(path)


def chunks(path: Path) -> tuple[bytes, list[bytes]]:
    raw, start, size = path.read_bytes(), start_of(path), CHUNK + TAG_BYTES
    return raw[:start], [raw[at : at + size] for at in range(start, len(raw), size)]


def test_chunks_left_out_moved_doubled_or_of_another_file_are_seen(tmp_path: Path) -> None:
    path = kept(tmp_path, os.urandom(3 * CHUNK + 50))
    head, (a, b, c, last) = chunks(path)
    _, (strange, *_) = chunks(kept(tmp_path, os.urandom(3 * CHUNK + 50), name="b.jsonl"))
    broken = [(a, b, c), (a, b, last), (b, a, c, last), (a, a, b, c, last), (last,), ()]
    broken += [(a, strange, c, last), (a, b, c, last[:-1]), (a, b, c, last, last)]
    for pieces in broken:
        path.write_bytes(head + b"".join(pieces))
        with pytest.raises(Damaged):
            SEALING.read(path)
    path.write_bytes(head + a + b + c + last)
    assert len(SEALING.read(path)) == 3 * CHUNK + 50


def test_a_file_in_anothers_place_is_seen(tmp_path: Path) -> None:
    one, other = kept(tmp_path / "call-1", b"yes"), kept(tmp_path / "call-2", b"no")
    other.write_bytes(one.read_bytes())
    with pytest.raises(Damaged, match=r"call-2/a\.jsonl is the file call-1/a\.jsonl"):
        SEALING.read(other)


def test_a_header_of_a_newer_version_or_of_noise_is_told(tmp_path: Path) -> None:
    path = kept(tmp_path, b"x")
    raw = bytearray(path.read_bytes())
    raw[8] = 2
    path.write_bytes(raw)
    with pytest.raises(Damaged, match="version 2, which a newer sipagent may read"):
        SEALING.read(path)
    path.write_bytes(b"sipaseal")
    with pytest.raises(Damaged, match="its header is cut off"):
        SEALING.read(path)


@given(st.binary(max_size=300))
def test_no_header_is_believed_that_is_not_packed_so(noise: bytes) -> None:
    raw = b"sipaseal\x01\x10" + noise
    try:
        header = parse(raw)
    except Damaged:
        return
    assert raw.startswith(header.pack())


def test_a_header_holds_the_longest_names() -> None:
    header = Header(14, bytes(16), "c" * 128 + "/" + "r" * 255, "k" * 64, bytes(40))
    assert parse(header.pack() + b"more") == header


# writers that were killed


def killed(path: Path, data: bytes) -> BinaryIO:
    """A file whose writer never closed it; what it has is what the kernel has."""
    path.parent.mkdir(exist_ok=True)
    file = SEALING.create(path)
    file.write(data)
    return file


def test_a_killed_writer_leaves_all_but_its_last_chunk(tmp_path: Path) -> None:
    data = os.urandom(2 * CHUNK + 500)
    path = tmp_path / "call" / "models.jsonl"
    writer = killed(path, data)
    with pytest.raises(Damaged, match="no end: it is being written still, or was cut"):
        SEALING.open(path)
    assert SEALING.read(path, cut=True) == data[: 2 * CHUNK]
    SEALING.finish(path.parent)
    with pytest.raises(Damaged):
        SEALING.open(path)  # its writer lives: nothing was done to it
    os.close(writer._file)  # type: ignore[attr-defined] # as the kernel does for the dead
    writer._file = -1  # type: ignore[attr-defined]
    with path.open("ab") as torn:
        torn.write(b"half a chunk")
    SEALING.finish(path.parent)
    whole = path.read_bytes()
    assert SEALING.read(path) == data[: 2 * CHUNK]
    SEALING.finish(path.parent)
    assert path.read_bytes() == whole
    path.write_bytes(whole[:-TAG_BYTES])
    with pytest.raises(Damaged):
        SEALING.open(path)


def test_a_recording_is_sealed_as_it_is_made_and_its_length_is_told_right(tmp_path: Path) -> None:
    path = tmp_path / "call" / "call.wav"
    make = writers_into(SEALING.create)["wav"]
    recording = Recording(path, 8000, 0, open_writer=make, layout="stereo")
    frame = struct.pack("<160h", *([1000] * 160))
    for t in range(0, 2000, 20):
        recording.heard([Frame(frame, t)], [Frame(frame, t)])
    assert SEALING.read(path, cut=True)[:4] == b"RIFF"
    assert len(SEALING.read(path, cut=True)) == 3 << 14
    recording.close(2000)
    with SEALING.open(path) as sound, wave.open(sound, "rb") as wav:
        assert (wav.getnchannels(), wav.getframerate(), wav.getnframes()) == (2, 8000, 16_000)
        assert wav.readframes(16_000) == struct.pack("<h", 1000) * 32_000
    begin = SEALING.read(path)[:44]
    assert struct.unpack("<I", begin[4:8])[0] == 64_036
    with SEALING.open(path) as sound:
        sound.seek(4)
        assert sound.read(4) == begin[4:8]


def test_an_mp3_is_sealed_as_it_is_made(tmp_path: Path) -> None:
    path = tmp_path / "call.mp3"
    writer = writers_into(SEALING.create)["mp3"](path, 8000, 2)
    for _ in range(4):
        writer.write(bytes(32_000))
    writer.close()
    data = SEALING.read(path)
    assert data[:3] == b"ID3" or data[0] == 0xFF
    assert path.read_bytes().startswith(b"sipaseal")


def test_a_whole_bundle_lies_sealed_and_is_read_again(
    tmp_path: Path, busy_call: list[object]
) -> None:
    folder = tmp_path / "call"
    bundle = write_bundle(folder, busy_call, files=SEALING)  # type: ignore[arg-type]
    assert {path.read_bytes()[:8] for path in folder.iterdir()} == {b"sipaseal"}
    assert read_bundle(folder, SEALING) == bundle
    assert SEALING.read(folder / TIMELINE).startswith(b"<svg")
    with pytest.raises(KeyMissing, match=CALL):
        read_bundle(folder)
