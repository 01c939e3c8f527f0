"""Files: the one way in which a bundle's files are written and read, sealed or plain."""

import fcntl
import io
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol, cast

import structlog

from sipagent.config import Store
from sipagent.config.encryption import key_bytes

from .form import MAGIC, Damaged
from .keys import Keyring, VaultError
from .opening import Opened
from .sealing import Sealer

#: powers of two that chunks have: a killed worker loses one of what it writes. Half a second of
#: stereo at 8 kHz; a few lines; everything that is written at once
SOUND, LINES, WHOLE = 14, 12, 16
_BITS = {".wav": SOUND, ".mp3": LINES, ".jsonl": LINES}
_log = structlog.get_logger(__name__)


class Elsewhere(Protocol):
    """Where files of bundles are that are not on this disk any more."""

    def holds(self, path: Path) -> bool:
        """Is it there, as far as is known here?"""
        ...

    def open(self, path: Path) -> BinaryIO:
        """The file as it was here, sealed or plain; can be sought. Raises FileNotFoundError,
        VaultError.
        """
        ...


@dataclass(frozen=True, slots=True)
class Stored:
    """A file that can be had; `size` is of its plain bytes, `modified` Unix seconds."""

    path: Path
    size: int
    modified: float
    open: Callable[[], BinaryIO]


class Files:
    """Of one server. Without `keys` new files are plain; those that are plain can always be read.
    What cannot be read for want of its key, or since it was changed, is a VaultError that names
    file and cause.
    """

    def __init__(self, keys: Keyring | None = None, elsewhere: Elsewhere | None = None) -> None:
        self.keys = keys
        self._elsewhere = elsewhere

    @classmethod
    def of(cls, store: Store, elsewhere: Elsewhere | None = None) -> "Files":
        """As the settings say."""
        return cls(keyring(store), elsewhere)

    @property
    def seals(self) -> bool:
        """Are new files sealed?"""
        return self.keys is not None

    def create(self, path: Path, *, private: bool = False) -> BinaryIO:
        """A new file, written from front to back, in place of one that was there. Sealed, a killed
        process leaves all of it but the last few kilobytes. `private` as of `write`. Raises
        OSError.
        """
        if self.keys is None:
            if private:
                path.touch(mode=0o600)
            return path.open("wb")
        bits = _BITS.get(path.suffix, WHOLE)
        return cast(BinaryIO, Sealer(path, self.keys, label(path), bits))

    def write(self, path: Path, data: bytes, *, private: bool = False) -> None:
        """The whole file: a reader, or a machine that loses power, sees the old one or the new
        one, never half. `private`: only the server's own user reads it; sealed files always are.
        Raises OSError.
        """
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            if self.keys is not None:
                with Sealer(draft, self.keys, label(path), WHOLE) as sealed:
                    sealed.write(data)
                    sealed.finish()
            else:
                draft.touch(mode=0o600 if private else 0o666)
                with draft.open("wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
            draft.replace(path)
        except OSError:
            draft.unlink(missing_ok=True)
            raise

    def open(self, path: Path, *, cut: bool = False) -> BinaryIO:
        """The plain bytes, from any place on. A sealed file whose end is missing is refused, but
        with `cut` read as far as it goes. Raises OSError, VaultError.
        """
        raw = self._raw(path)
        try:
            sealed = raw.read(len(MAGIC)) == MAGIC
            raw.seek(0)
            return self._opened(raw, path, cut) if sealed else raw
        except BaseException:  # whoever opened it has no other way to it
            raw.close()
            raise

    def read(self, path: Path, *, cut: bool = False) -> bytes:
        """All of it, as `open`."""
        with self.open(path, cut=cut) as file:
            return file.read()

    def stored(self, path: Path) -> Stored:
        """A file to be handed on. Its key and its end are looked at now. Raises as `open`."""
        with self.open(path) as file:
            size = file.seek(0, io.SEEK_END)
        try:
            modified = path.stat().st_mtime
        except FileNotFoundError:
            modified = 0.0
        return Stored(path, size, modified, lambda: self.open(path))

    def is_there(self, path: Path) -> bool:
        """Can it be had, here or elsewhere?"""
        return path.is_file() or (self._elsewhere is not None and self._elsewhere.holds(path))

    def finish(self, folder: Path) -> None:
        """Close what a killed worker left open in a bundle, so that it is whole as far as it goes.
        A file that is still being written is left alone. Never raises.
        """
        if self.keys is None:
            return
        with suppress(FileNotFoundError):
            for path in sorted(folder.iterdir()):
                if path.is_file() and not path.is_symlink():
                    try:
                        self._finish(path)
                    except (OSError, VaultError) as error:
                        _log.error("file_not_finished", path=str(path), cause=str(error))

    def _finish(self, path: Path) -> None:
        with path.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                return
        with path.open("r+b", buffering=0) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            opened = Opened(cast(BinaryIO, file), self.keys)
            if opened.end is not None:
                return
            size = opened.good()
            file.truncate(size)
            file.seek(size)
            file.write(opened.cut(size))
            os.fsync(file.fileno())
        _log.warning("file_cut", path=str(path), bytes=size)

    def _raw(self, path: Path) -> BinaryIO:
        try:
            return path.open("rb")
        except FileNotFoundError:
            if self._elsewhere is None or not self._elsewhere.holds(path):
                raise
        return self._elsewhere.open(path)

    def _opened(self, raw: BinaryIO, path: Path, cut: bool) -> BinaryIO:
        try:
            opened = Opened(raw, self.keys, str(path))
        except VaultError as error:
            raise type(error)(f"{path}: {error}") from error
        if opened.header.label != label(path):
            raise Damaged(f"{path} is the file {opened.header.label}, put in its place")
        if opened.end is None and not cut:
            raise Damaged(f"{path} has no end: it is being written still, or was cut")
        return cast(BinaryIO, io.BufferedReader(opened, opened.header.chunk))


#: where nothing is sealed
PLAIN = Files()


def keyring(store: Store) -> Keyring | None:
    """The keys of the settings, if there are any."""
    if store.encryption is None:
        return None
    keys = {name: key_bytes(key) for name, key in store.encryption.keys.items()}
    return Keyring(keys, store.encryption.current)


def label(path: Path) -> str:
    """What a sealed file knows of its place: the name of its folder, the call's id, and its own."""
    return f"{path.parent.name}/{path.name}"
