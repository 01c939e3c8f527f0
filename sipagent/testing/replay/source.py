"""Source: a call's record as it is to be run again, from its folder or its zip."""

import wave
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from sipagent.errors import SipAgentError
from sipagent.events import CallStarted, Event, RecordingStarted
from sipagent.media.resample import Resampler
from sipagent.store.archive import read_archive
from sipagent.store.began import Began, read_began
from sipagent.store.bundle import Bundle, read_bundle
from sipagent.store.exchanges import ModelRecord, gather, read_models
from sipagent.store.models import MODELS
from sipagent.store.vault import PLAIN, Files
from sipagent.testing.audio import RATE


class NotReplayable(SipAgentError):
    """There is too little on record to run the call again."""


@dataclass(frozen=True, slots=True)
class Sound:
    """What the caller said, s16le at 8 kHz, from media-clock `start` ms on."""

    start: int
    pcm: bytes

    def between(self, start: int, end: int) -> bytes:
        """A stretch of it, media-clock ms; shorter where it began later or ended before."""
        first, last = (max(0, (t - self.start) * RATE // 1000 * 2) for t in (start, end))
        return self.pcm[first:last]


@dataclass(frozen=True, slots=True)
class Taken:
    """A record; None for what it has not."""

    call_id: str
    events: tuple[Event, ...]
    began: Began | None
    models: ModelRecord | None
    sound: Sound | None

    @property
    def started(self) -> CallStarted:
        """The first event."""
        return next(e for e in self.events if isinstance(e, CallStarted))

    @property
    def document(self) -> Mapping[str, Any] | None:
        """The plan as it was."""
        return None if self.began is None else self.began.document


@dataclass(slots=True)
class _Found:
    """What a place has, and what it has not."""

    bundle: Bundle
    began: Began | None = None
    models: ModelRecord | None = None
    sounds: dict[str, bytes] = field(default_factory=dict)


def taken_from(path: Path, files: Files = PLAIN) -> Taken:
    """The record of a call, from its folder or its zip. Raises NotReplayable, BadArchive and
    VaultError.
    """
    try:
        found = _folder(path, files) if path.is_dir() else _zip(path)
    except (OSError, ValueError) as error:
        raise NotReplayable(f"{path} is not the record of a call: {error}") from error
    events = tuple(found.bundle.events)
    if not any(isinstance(event, CallStarted) for event in events):
        raise NotReplayable(f"{path}: the call never began")
    call_id = found.bundle.cdr.call_id
    return Taken(call_id, events, found.began, found.models, _sound(found))


def _folder(path: Path, files: Files) -> _Found:
    found = _Found(read_bundle(path, files))
    with suppress(OSError, ValueError):
        found.began = read_began(path, files)
    with suppress(OSError):
        found.models = read_models(path / MODELS, files)
    for name in found.bundle.recordings:
        if name.endswith(".wav") and Path(name).name == name:
            found.sounds[name] = files.read(path / name)
    return found


def _zip(path: Path) -> _Found:
    archive = read_archive(path)
    found = _Found(archive.bundle, archive.began)
    if (models := archive.texts.get(MODELS)) is not None:
        found.models = gather(models.splitlines())
    for name in archive.recordings:
        if name.endswith(".wav"):
            found.sounds[name] = archive.audio(name)
    return found


def _sound(found: _Found) -> Sound | None:
    """The caller's side of the first recording that has it."""
    for event in found.bundle.events:
        if isinstance(event, RecordingStarted) and (raw := found.sounds.get(event.path)):
            try:
                pcm = _left(raw)
            except (wave.Error, EOFError, ValueError):
                continue
            if pcm is not None:
                return Sound(event.t, pcm)
    return None


def _left(raw: bytes) -> bytes | None:
    """The left channel at 8 kHz; None of a mono file, in which both sides are mixed."""
    with wave.open(BytesIO(raw), "rb") as file:
        if file.getnchannels() != 2 or file.getsampwidth() != 2:
            return None
        rate = file.getframerate()
        left = np.frombuffer(file.readframes(file.getnframes()), "<i2")[0::2].tobytes()
    return Resampler(rate, RATE, "HQ").finish(left)
