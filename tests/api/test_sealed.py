"""Recordings by HTTP, whole and in parts, sealed or plain on disk."""

import base64
import io
import os
import signal
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from sipagent.config import Encryption, Store
from sipagent.events import CallEnded, CallStarted, RecordingStarted, RecordingStopped
from sipagent.store.archive import read_archive
from sipagent.store.vault import Files, Keyring
from sipagent.testing.phone import Phone
from sipagent.testing.server import Server, running
from sipagent.testing.sounding import dial, the

from .door import FEW, Tokens, client, happens, without_workers

PLAN = """
name: desk
routes: [{to: "200"}]
sections:
  main: [answer, {record_call: {stereo: true}}, {play: "silence:60"}, hangup]
"""
CALL = "20260302-090000-1a2b3c4d"
HERE = f"/v1/calls/{CALL}/recordings/recording.wav"
KEYS = {"2026": base64.b64encode(bytes(range(32))).decode()}
SOUND = bytes(range(256)) * 400
AT = datetime(2026, 3, 2, 9, tzinfo=UTC)


def store(folder: Path, encryption: Any = None) -> Store:
    return Store(
        database=f"sqlite+aiosqlite:///{folder}/calls.sqlite3",
        bundles=folder / "bundles",
        encryption=encryption and Encryption.model_validate(encryption),
    )


@asynccontextmanager
async def recorded(
    folder: Path, encryption: Any = None
) -> AsyncIterator[tuple[Server, httpx.AsyncClient]]:
    """A server with a call that recorded `SOUND`."""
    tokens = Tokens(requests_per_second=1000)
    made = store(folder, encryption)
    async with (
        without_workers(folder, PLAN, tokens, store=made) as server,
        client(server, tokens.of["viewer"]) as http,
    ):
        path = folder / "bundles" / CALL / "recording.wav"
        path.parent.mkdir(parents=True)
        with Files.of(made).create(path) as file:
            file.write(SOUND)
        about: dict[str, Any] = {
            "call_id": CALL,
            "at": AT,
            "control_id": "recording",
            "path": path.name,
        }
        happens(
            server,
            [
                CallStarted(call_id=CALL, at=AT, caller="sip:a@b", callee="sip:200@b"),
                RecordingStarted(**about),
                RecordingStopped(**about, duration_ms=1000),
                CallEnded(call_id=CALL, at=AT, status=200, by="caller"),
            ],
        )
        await server.bundle(CALL)
        yield server, http


@pytest.mark.parametrize("encryption", [None, {"keys": KEYS, "current": "2026"}])
async def test_a_recording_is_had_whole_and_from_any_place_on(
    encryption: Any, tmp_path: Path
) -> None:
    async with recorded(tmp_path, encryption) as (_, http):
        whole = await http.get(HERE)
        assert (whole.status_code, whole.content) == (200, SOUND)
        assert whole.headers["content-type"] in ("audio/wav", "audio/x-wav")
        assert whole.headers["accept-ranges"] == "bytes"
        size = len(SOUND)
        for wanted, start, end in (
            ("bytes=0-0", 0, 1),
            ("bytes=70000-", 70_000, size),
            ("bytes=16383-16385", 16_383, 16_386),
            ("bytes=-100", size - 100, size),
            (f"bytes=5-{size + 9}", 5, size),
        ):
            part = await http.get(HERE, headers={"range": wanted})
            assert (part.status_code, part.content) == (206, SOUND[start:end]), wanted
            assert part.headers["content-range"] == f"bytes {start}-{end - 1}/{size}"
        for ignored in ("bytes=9-5", "lines=1-2", "bytes=0-1,5-6", "bytes=-"):
            assert (await http.get(HERE, headers={"range": ignored})).content == SOUND, ignored
        beyond = await http.get(HERE, headers={"range": f"bytes={size}-"})
        assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{size}")
        tag = whole.headers["etag"]
        same = {"range": "bytes=0-3", "if-range": tag}
        assert (await http.get(HERE, headers=same)).status_code == 206
        other = {"range": "bytes=0-3", "if-range": '"another"'}
        assert (await http.get(HERE, headers=other)).status_code == 200


async def test_a_recording_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    encryption = {"keys": KEYS, "current": "2026"}
    async with recorded(tmp_path, encryption) as (server, http):
        files = server.gateway.ledger.files
        right, files.keys = files.keys, Keyring({"2027": bytes(32)}, "2027")
        for path in (HERE, f"/v1/calls/{CALL}/bundle", f"/v1/calls/{CALL}/timeline.svg"):
            refused = await http.get(path)
            assert refused.status_code == 503, path
            assert refused.json()["type"] == "urn:sipagent:problem:unreadable"
            assert "is sealed with the key '2026', which" in refused.json()["detail"]
        files.keys = right
        file = tmp_path / "bundles" / CALL / "recording.wav"
        raw = file.read_bytes()
        file.write_bytes(raw[:2000] + b"!" + raw[2001:])
        damaged = await http.get(HERE)
        assert (damaged.status_code, damaged.json()["title"]) == (503, "The file cannot be read")
        assert "chunk 0 is not as it was written" in damaged.json()["detail"]
        file.write_bytes(raw[:-100])
        assert "has no end" in (await http.get(HERE)).json()["detail"]
        file.unlink()
        assert (await http.get(HERE)).status_code == 404


async def test_a_file_that_is_damaged_further_on_ends_before_its_length(tmp_path: Path) -> None:
    async with recorded(tmp_path, {"keys": KEYS, "current": "2026"}) as (_, http):
        file = tmp_path / "bundles" / CALL / "recording.wav"
        raw = bytearray(file.read_bytes())
        raw[90_000] ^= 1
        file.write_bytes(raw)
        with pytest.raises(httpx.RemoteProtocolError):
            await http.get(HERE)
        assert (await http.get(HERE, headers={"range": "bytes=0-99"})).content == SOUND[:100]


async def test_nothing_of_a_call_lies_plain_where_there_is_a_key(tmp_path: Path) -> None:
    tokens = Tokens()
    made = store(tmp_path, {"keys": KEYS, "current": "2026"})
    async with (
        Phone(user="alice") as alice,
        running(tmp_path, PLAN, limits=FEW, api=tokens.api, store=made) as server,
        client(server, tokens.of["viewer"]) as http,
    ):
        call = await dial(alice, server, "200")
        await the(server, RecordingStarted)
        await call.hangup()
        ended: CallEnded = await the(server, CallEnded)
        bundle = await server.bundle(ended.call_id)
        folder = tmp_path / "bundles" / ended.call_id
        assert {path.name for path in folder.iterdir()} >= {
            "call.json", "plan.json", "recording.wav", "timeline.svg",
        }  # fmt: skip
        assert {path.read_bytes()[:8] for path in folder.iterdir()} == {b"sipaseal"}
        assert bundle.recordings == ("recording.wav",)
        sound = await http.get(f"/v1/calls/{ended.call_id}/recordings/recording.wav")
        assert sound.content[:4] == b"RIFF"
        assert int.from_bytes(sound.content[4:8], "little") == len(sound.content) - 8
        zipped = tmp_path / "call.zip"
        zipped.write_bytes((await http.get(f"/v1/calls/{ended.call_id}/bundle")).content)
        archive = read_archive(zipped)
        assert archive.began is not None
        assert archive.audio("recording.wav") == sound.content
        assert (await http.get(f"/v1/calls/{ended.call_id}/timeline.svg")).text[:4] == "<svg"


async def test_a_worker_that_is_killed_leaves_a_recording_that_can_be_had(tmp_path: Path) -> None:
    tokens = Tokens()
    made = store(tmp_path, {"keys": KEYS, "current": "2026"})
    async with (
        Phone(user="alice") as alice,
        running(tmp_path, PLAN, limits=FEW, api=tokens.api, store=made) as server,
        client(server, tokens.of["viewer"]) as http,
    ):
        await dial(alice, server, "200")
        started: RecordingStarted = await the(server, RecordingStarted)
        path = tmp_path / "bundles" / started.call_id / "recording.wav"
        # two chunks are on disk: a second of it
        await server.wait_for(lambda: path.stat().st_size > 2 << 14)
        [worker] = [w for w in server.workers.handles if w.assignment is not None]
        assert worker.pid is not None
        os.kill(worker.pid, signal.SIGKILL)
        await server.ended()
        await server.bundle(started.call_id)
        sound = await http.get(f"/v1/calls/{started.call_id}/recordings/recording.wav")
        assert sound.status_code == 200, sound.text
        assert len(sound.content) >= 2 << 14
        with wave.open(io.BytesIO(sound.content)) as file:
            assert (len(sound.content) - 44) / 4 == file.getnframes()
