"""Rekeying: which key opens each sealed file, and having another one open it."""

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Literal, cast

from .files import SOUND, WHOLE, label
from .form import MAGIC
from .keys import Keyring
from .opening import Opened, header_of
from .sealing import Sealer

#: of a file: it was rekeyed or sealed; it is under the current key already; it is plain; it is
#: being written, or was left so; it was changed or taken away meanwhile
Done = Literal["done", "current", "plain", "open", "moved"]
_BLOCK = 1 << 20


def bundle_files(bundles: Path) -> Iterator[Path]:
    """Every file of every call's folder. Drafts and what is nobody's bundle are left out."""
    with suppress(FileNotFoundError):
        for folder in sorted(bundles.iterdir()):
            if folder.is_dir() and not folder.name.startswith("."):
                yield from files_in(folder)


def files_in(folder: Path) -> Iterator[Path]:
    """Those of one call."""
    with suppress(FileNotFoundError):  # erased while we look
        for path in sorted(folder.iterdir()):
            if path.is_file() and not path.is_symlink() and not path.name.startswith("."):
                yield path


def key_of(path: Path) -> str | None:
    """The name of the key that opens a file; None of a plain one. Raises Damaged, OSError."""
    with path.open("rb") as file:
        return header_of(file).key if _is_sealed(file) else None


def rekeyed(path: Path, keys: Keyring, *, try_only: bool = False) -> Done:
    """Have the current key open this file. Its content is neither read nor written anew, only
    copied behind another header, and the old file is replaced at once or not at all. Raises
    VaultError, OSError.
    """
    with path.open("rb") as file:
        if not _is_sealed(file):
            return "plain"
        header = header_of(file)
        if header.key == keys.current:
            return "current"
        with Opened(cast(BinaryIO, path.open("rb")), keys, str(path)) as opened:
            if opened.end is None:
                return "open"
        if try_only:
            return "done"
        key = keys.unwrap(header.key, header.wrapped)
        draft = _draft(path)
        with draft.open("xb") as out:
            out.write(header.under(keys.current, keys.wrap(key)).pack())
            file.seek(len(header.pack()))
            shutil.copyfileobj(file, out, _BLOCK)
            out.flush()
            os.fsync(out.fileno())
        return _put(draft, path, file)


def sealed(path: Path, keys: Keyring, *, try_only: bool = False) -> Done:
    """Seal a plain file that nobody writes any more. Raises OSError."""
    with path.open("rb") as file:
        if _is_sealed(file):
            return "current"
        if try_only:
            return "done"
        draft = _draft(path)
        bits = SOUND if path.suffix == ".wav" else WHOLE
        file.seek(0)
        with Sealer(draft, keys, label(path), bits) as out:
            while block := file.read(_BLOCK):
                out.write(block)
            out.finish()
        return _put(draft, path, file)


def _is_sealed(file: BinaryIO) -> bool:
    file.seek(0)
    return file.read(len(MAGIC)) == MAGIC


def _draft(path: Path) -> Path:
    draft = path.with_name(f".{path.name}.rekey")
    draft.unlink(missing_ok=True)  # of one that was killed
    return draft


def _put(draft: Path, path: Path, old: BinaryIO) -> Done:
    """In place of the old file, if it is still that: what was erased or written anew meanwhile must
    not come back.
    """
    before = os.fstat(old.fileno())
    draft.chmod(0o600)
    os.utime(draft, ns=(before.st_atime_ns, before.st_mtime_ns))
    try:
        same = path.stat().st_ino == before.st_ino
    except FileNotFoundError:
        same = False
    if not same:
        draft.unlink()
        return "moved"
    draft.replace(path)
    return "done"
