"""The bundle of a call: `call.json` with everything that happened, and `timeline.svg`."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import structlog
from pydantic import BaseModel, ConfigDict

from sipagent.call.cdr import Cdr, fold
from sipagent.call.waterfall import Turn, turns_of
from sipagent.events import (
    Event,
    PolicyDecided,
    RecordingStarted,
    SipMessage,
    Summarised,
)

from .moments import clock
from .timeline import draw
from .told import Line, ToolRun, lines_of, tools_of
from .vault import PLAIN, Files, VaultError
from .waveform import Peaks, read_peaks

CALL, TIMELINE, SUMMARY = "call.json", "timeline.svg", "summary.json"
_log = structlog.get_logger(__name__)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Bundle(_Part):
    """What `call.json` holds. `recordings` are file names beside it."""

    version: Literal[1] = 1
    cdr: Cdr
    transcript: tuple[Line, ...]
    tools: tuple[ToolRun, ...]
    policy: tuple[PolicyDecided, ...]
    turns: tuple[Turn, ...]
    sip: tuple[SipMessage, ...]
    recordings: tuple[str, ...]
    events: tuple[Event, ...]


def write_bundle(
    folder: Path,
    events: Sequence[Event],
    recording: Path | None = None,
    files: Files = PLAIN,
) -> Bundle:
    """Write the bundle of a call that is over, or whose worker died; each file at once or not
    at all. `recording` is drawn instead of those the events name. Raises OSError, and ValueError
    for no events.
    """
    files.finish(folder)
    bundle = gather(events, folder, files)
    folder.mkdir(parents=True, exist_ok=True)
    files.write(folder / CALL, bundle.model_dump_json(indent=2).encode())
    if (told := summary_of(events)) is not None:
        files.write(folder / SUMMARY, told.encode())
    files.write(folder / TIMELINE, picture(folder, events, recording, files).encode())
    return bundle


def summary_of(events: Sequence[Event]) -> str | None:
    """What `summary.json` says: each agent's summary; None where there is none."""
    told = {
        e.agent: {"text": e.text, "data": e.data}
        for e in events
        if isinstance(e, Summarised) and e.ok
    }
    return json.dumps(told, ensure_ascii=False, indent=2) if told else None


def picture(
    folder: Path | None,
    events: Sequence[Event],
    recording: Path | None = None,
    files: Files = PLAIN,
) -> str:
    """What `timeline.svg` shows, with the sound of the recordings in `folder`, if one is given."""
    sounds = _peaks(folder, events, recording, files) if folder is not None else ()
    return draw(events, list(sounds))


def read_bundle(folder: Path, files: Files = PLAIN) -> Bundle:
    """Read `call.json` back. Raises OSError, VaultError, and ValueError where it is not one."""
    return Bundle.model_validate_json(files.read(folder / CALL))


def gather(events: Sequence[Event], folder: Path, files: Files = PLAIN) -> Bundle:
    """The bundle of these events; recordings are those of `folder` that can be had."""
    cdr = fold(events)
    return Bundle(
        cdr=cdr,
        transcript=lines_of(events),
        tools=tools_of(events),
        policy=tuple(e for e in events if isinstance(e, PolicyDecided)),
        turns=turns_of(events),
        sip=tuple(e for e in events if isinstance(e, SipMessage)),
        recordings=tuple(name for name in cdr.recordings if files.is_there(folder / name)),
        events=tuple(events),
    )


def _peaks(
    folder: Path, events: Sequence[Event], recording: Path | None, files: Files
) -> Iterable[Peaks]:
    started = [e for e in events if isinstance(e, RecordingStarted)]
    if recording is not None:
        sounds = [(recording, started[0].t if started else clock(events).start)]
    else:
        sounds = [(folder / e.path, e.t) for e in started if e.path.endswith(".wav")]
    for path, start in sounds:
        try:
            yield read_peaks(path, files, start=start)
        except (OSError, ValueError, VaultError) as error:
            _log.warning("recording_not_drawn", path=str(path), cause=str(error))
