"""The bundle of a call: `call.json` with everything that happened, and `timeline.svg`."""

import json
import os
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


def write_bundle(folder: Path, events: Sequence[Event], recording: Path | None = None) -> Bundle:
    """Write the bundle of a call that is over, or whose worker died; each file at once or not
    at all. `recording` is drawn instead of those the events name. Raises OSError, and ValueError
    for no events.
    """
    bundle = gather(events, folder)
    folder.mkdir(parents=True, exist_ok=True)
    _replace(folder / CALL, bundle.model_dump_json(indent=2))
    if (told := summary_of(events)) is not None:
        _replace(folder / SUMMARY, told)
    _replace(folder / TIMELINE, picture(folder, events, recording))
    return bundle


def summary_of(events: Sequence[Event]) -> str | None:
    """What `summary.json` says: each agent's summary; None where there is none."""
    told = {
        e.agent: {"text": e.text, "data": e.data}
        for e in events
        if isinstance(e, Summarised) and e.ok
    }
    return json.dumps(told, ensure_ascii=False, indent=2) if told else None


def picture(folder: Path | None, events: Sequence[Event], recording: Path | None = None) -> str:
    """What `timeline.svg` shows, with the sound of the recordings in `folder`, if one is given."""
    return draw(events, list(_peaks(folder, events, recording)) if folder is not None else [])


def read_bundle(folder: Path) -> Bundle:
    """Read `call.json` back. Raises OSError, and ValueError where it is not one."""
    return Bundle.model_validate_json((folder / CALL).read_text(encoding="utf-8"))


def gather(events: Sequence[Event], folder: Path) -> Bundle:
    """The bundle of these events; recordings are those that are on disk in `folder`."""
    cdr = fold(events)
    return Bundle(
        cdr=cdr,
        transcript=lines_of(events),
        tools=tools_of(events),
        policy=tuple(e for e in events if isinstance(e, PolicyDecided)),
        turns=turns_of(events),
        sip=tuple(e for e in events if isinstance(e, SipMessage)),
        recordings=tuple(name for name in cdr.recordings if (folder / name).is_file()),
        events=tuple(events),
    )


def _peaks(folder: Path, events: Sequence[Event], recording: Path | None) -> Iterable[Peaks]:
    started = [e for e in events if isinstance(e, RecordingStarted)]
    if recording is not None:
        files = [(recording, started[0].t if started else clock(events).start)]
    else:
        files = [(folder / e.path, e.t) for e in started if e.path.endswith(".wav")]
    for path, start in files:
        try:
            yield read_peaks(path, start=start)
        except (OSError, ValueError) as error:
            _log.warning("recording_not_drawn", path=str(path), cause=str(error))


def _replace(path: Path, text: str) -> None:
    """A reader, or a machine that loses power, sees the old file or the new one, never half."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
