"""Reading a call's zip, which somebody else may have made: nothing of it is believed unchecked."""

import hashlib
import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from sipagent.store.began import PLAN, Began
from sipagent.store.bundle import CALL, Bundle

from .index import INDEX, Archive, BadArchive, Index

#: files in one, and bytes they may unpack to: of a text, and of all together by default
FILES, TEXT_BYTES, BYTES = 200, 64 << 20, 4 << 30
_BLOCK = 1 << 16
_TEXTS = (".json", ".jsonl", ".txt", ".svg")
Kind = TypeVar("Kind", bound=BaseModel)


def read_archive(path: Path, most: int = BYTES) -> Archive:
    """A zip that `write_archive` made. Every file of it is read and checked, the sound without
    being kept. Raises BadArchive, which says what is wrong, and OSError.
    """
    try:
        with zipfile.ZipFile(path) as packed:
            return _read(packed, path, most)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, RuntimeError) as error:
        raise BadArchive(f"{path} is not a zip that can be read: {error}") from error


def _read(packed: zipfile.ZipFile, path: Path, most: int) -> Archive:
    _bounded(packed.infolist(), path, most)
    if INDEX not in packed.namelist():
        raise BadArchive(f"{path} has no {INDEX}: it is not the bundle of a call")
    index = _made(Index, _content(packed, INDEX), INDEX, path)
    _listed(packed, index, path)
    texts: dict[str, bytes] = {}
    for filed in index.files:
        text = _checked(packed, filed.name, filed.sha256, path)
        if text is not None:
            texts[filed.name] = text
    if CALL not in texts:
        raise BadArchive(f"{path} has no {CALL}")
    bundle = _made(Bundle, texts[CALL], CALL, path)
    if bundle.cdr.call_id != index.call_id:
        raise BadArchive(f"{path}: {CALL} is of the call {bundle.cdr.call_id}, not {index.call_id}")
    if missing := set(bundle.recordings) - {filed.name for filed in index.files}:
        raise BadArchive(f"{path} has no {', '.join(sorted(missing))}, which {CALL} names")
    began = _made(Began, texts[PLAN], PLAN, path) if PLAN in texts else None
    return Archive(path, index, bundle, began, texts)


def _bounded(infos: Collection[zipfile.ZipInfo], path: Path, most: int) -> None:
    """Judge by what the zip says of itself; unpacking then stops at what it said."""
    if len(infos) > FILES:
        raise BadArchive(f"{path} has {len(infos)} files; at most {FILES} are taken")
    for info in infos:
        name = info.filename
        if name in ("", ".", "..") or any(c in name for c in "/\\:\0"):
            raise BadArchive(f"{path}: {name!r} is not a plain file name")
        if (info.external_attr >> 16) & 0o170000 not in (0, 0o100000):
            raise BadArchive(f"{path}: {name} is no plain file")
        if info.flag_bits & 0x1:
            raise BadArchive(f"{path}: {name} is encrypted")
        if name.endswith(_TEXTS) and info.file_size > TEXT_BYTES:
            size = f"{info.file_size:,} bytes; at most {TEXT_BYTES:,} are taken"
            raise BadArchive(f"{path}: {name} would unpack to {size}")
    if (in_all := sum(info.file_size for info in infos)) > most:
        raise BadArchive(f"{path} would unpack to {in_all:,} bytes; at most {most:,} are taken")
    if len({info.filename for info in infos}) < len(infos):
        raise BadArchive(f"{path} has two files of one name")


def _listed(packed: zipfile.ZipFile, index: Index, path: Path) -> None:
    there, listed = set(packed.namelist()) - {INDEX}, {filed.name for filed in index.files}
    if missing := listed - there:
        raise BadArchive(f"{path} has no {', '.join(sorted(missing))}, which its index names")
    if more := there - listed:
        raise BadArchive(f"{path} has {', '.join(sorted(more))}, which its index does not name")


def _checked(packed: zipfile.ZipFile, name: str, sha256: str, path: Path) -> bytes | None:
    """A text whole, sound not at all; either as the index says. Raises BadArchive."""
    digest, kept = hashlib.sha256(), bytearray()
    with packed.open(name) as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            if name.endswith(_TEXTS):
                kept += block
    if digest.hexdigest() != sha256:
        raise BadArchive(f"{path}: {name} is not as it was written: its checksum is wrong")
    return bytes(kept) if name.endswith(_TEXTS) else None


def _content(packed: zipfile.ZipFile, name: str) -> bytes:
    with packed.open(name) as file:
        return file.read(TEXT_BYTES)


def _made(kind: type[Kind], text: bytes, name: str, path: Path) -> Kind:
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        why = f"{place}: {first['msg']}" if place else first["msg"]
        hint = "; a newer sipagent may have written it" if first["loc"][:1] == ("version",) else ""
        raise BadArchive(f"{path}: {name} cannot be read: {why}{hint}") from error
