"""Writing a call's zip, piece by piece: what is sent while it is made needs no room on any disk."""

import hashlib
import json
import os
import zipfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from sipagent import __version__
from sipagent.call.redaction.redactor import Redactor
from sipagent.call.redaction.rules import BUILT_IN, Rule
from sipagent.events import Event
from sipagent.store.began import PLAN, read_began
from sipagent.store.bundle import CALL, SUMMARY, TIMELINE, Bundle, gather, picture, summary_of
from sipagent.store.ladder import ladder
from sipagent.store.models import MODELS
from sipagent.store.vault import PLAIN, Files

from .index import EVENTS, INDEX, SIP, Filed, Index, Piece
from .trimming import masked, names_of, redacted_data, trimmed

_BLOCK = 1 << 16
#: sound hardly gets smaller however long one tries
_LEVEL, _SOUND_LEVEL = 6, 1


@dataclass(frozen=True, slots=True)
class Wish:
    """What of a call somebody wants. `rules` are applied beside those its record was made under;
    sound cannot be redacted: who wants rules to hold leaves `audio` out.
    """

    without: frozenset[Piece] = frozenset()
    rules: tuple[Rule, ...] = ()

    @classmethod
    def of(cls, without: Collection[Piece], rules: tuple[Rule, ...], *, redact: bool) -> "Wish":
        """`rules` are those in force; `redact` wants every other, too, and no sound."""
        if not redact:
            return cls(frozenset(without), rules)
        return cls(frozenset({*without, "audio"}), tuple(dict.fromkeys([*rules, *BUILT_IN])))


def write_archive(
    path: Path,
    folder: Path,
    events: Sequence[Event],
    wish: Wish | None = None,
    files: Files = PLAIN,
) -> None:
    """The zip of a call that is over, from its events and its folder; whole or not at all.
    Raises OSError, VaultError, and ValueError for no events.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("wb") as file:
            for piece in archive_chunks(folder, events, wish, files):
                file.write(piece)
        draft.replace(path)
    except BaseException:  # interrupted as well: half an archive is none
        draft.unlink(missing_ok=True)
        raise


def archive_chunks(
    folder: Path, events: Sequence[Event], wish: Wish | None = None, files: Files = PLAIN
) -> Iterator[bytes]:
    """The same as its bytes, of which about a block is in memory. Raises as `write_archive`."""
    wish = wish or Wish()
    kept = trimmed(events, wish.without, wish.rules)
    bundle = gather(kept, folder, files)
    names = () if "audio" in wish.without else tuple(_sounds(folder, bundle.recordings))
    bundle = bundle.model_copy(update={"recordings": names})
    for name in names:
        files.stored(folder / name)  # what cannot be read is told before anything is sent
    made_at = datetime.now(UTC)
    sink, filed = _Sink(), list[Filed]()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as packed:
        for name, text in _texts(folder, bundle, wish, files).items():
            filed += _text(packed, name, text, made_at)
            yield from sink.taken()
        for name in names:
            with files.open(folder / name) as sound:
                info = _info(name, made_at, _SOUND_LEVEL)
                yield from _sound(packed, info, sound, sink, filed)
        index = Index(
            call_id=bundle.cdr.call_id,
            made_at=made_at,
            software=f"sipagent {__version__}",
            without=tuple(sorted(wish.without)),
            redacted=names_of(wish.rules),
            files=tuple(filed),
        )
        _text(packed, INDEX, index.model_dump_json(indent=2).encode(), made_at)
    yield from sink.taken()


class _Sink:
    """A file that is taken away as it is written; the zip is made without ever looking back."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: bytes, /) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        """Nothing is held."""

    def taken(self) -> Iterator[bytes]:
        pieces, self._pieces = self._pieces, []
        yield from pieces


def _texts(folder: Path, bundle: Bundle, wish: Wish, files: Files) -> Mapping[str, bytes]:
    """Everything but sound, by name."""
    drawn = picture(folder if bundle.recordings else None, bundle.events, files=files)
    found = {
        CALL: bundle.model_dump_json(indent=2).encode(),
        EVENTS: b"".join(event.model_dump_json().encode() + b"\n" for event in bundle.events),
        TIMELINE: drawn.encode(),
    }
    if (told := summary_of(bundle.events)) is not None and "transcript" not in wish.without:
        found[SUMMARY] = told.encode()
    if "sip" not in wish.without:
        found[SIP] = ladder(bundle.events).encode()
    if "plan" not in wish.without and (plan := _plan(folder, wish, files)) is not None:
        found[PLAN] = plan
    if not wish.without & {"models", "transcript"}:
        asked = _models(folder, wish, files)
        if asked is not None:
            found[MODELS] = asked
    return found


def _plan(folder: Path, wish: Wish, files: Files) -> bytes | None:
    try:
        began = read_began(folder, files)
    except (OSError, ValueError):
        return None
    told = masked(began.model_dump(mode="json"))
    redactor = Redactor(wish.rules)
    told["variables"] = redacted_data(told["variables"], redactor)
    return json.dumps(told, ensure_ascii=False, indent=2).encode()


def _models(folder: Path, wish: Wish, files: Files) -> bytes | None:
    try:
        lines = files.read(folder / MODELS).splitlines()
    except OSError:
        return None
    if not wish.rules:
        return b"".join(line + b"\n" for line in lines)
    redactor = Redactor(wish.rules)
    return b"".join(
        json.dumps(redacted_data(json.loads(line), redactor), ensure_ascii=False).encode() + b"\n"
        for line in lines
        if _whole(line)
    )


def _whole(line: bytes) -> bool:
    """A worker that was killed may have left half a line."""
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def _sounds(folder: Path, recordings: Collection[str]) -> Iterator[str]:
    """Those that lie in the folder itself, whatever an event says."""
    for name in recordings:
        file = folder / name
        if Path(name).name == name and not file.is_symlink():
            yield name


def _info(name: str, made_at: datetime, level: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, made_at.timetuple()[:6])
    info.compress_type = zipfile.ZIP_DEFLATED
    info._compresslevel = level  # type: ignore[attr-defined]
    info.external_attr = 0o600 << 16
    return info


def _text(packed: zipfile.ZipFile, name: str, text: bytes, made_at: datetime) -> tuple[Filed, ...]:
    packed.writestr(_info(name, made_at, _LEVEL), text)
    return (Filed(name=name, bytes=len(text), sha256=hashlib.sha256(text).hexdigest()),)


def _sound(
    packed: zipfile.ZipFile,
    info: zipfile.ZipInfo,
    sound: BinaryIO,
    sink: _Sink,
    filed: list[Filed],
) -> Iterator[bytes]:
    digest, length = hashlib.sha256(), 0
    with packed.open(info, "w", force_zip64=True) as out:
        while block := sound.read(_BLOCK):
            digest.update(block)
            length += len(block)
            out.write(block)
            yield from sink.taken()
    filed.append(Filed(name=info.filename, bytes=length, sha256=digest.hexdigest()))
