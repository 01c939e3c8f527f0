"""State: the folder by which a gateway that comes back takes its calls over."""

import fcntl
import json
import os
import secrets
import socket
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from sipagent.errors import SipAgentError
from sipagent.store.journal import Journal

_LOCK, _IDENTITY, _JOURNAL, _ALIVE = "lock", "gateway.json", "journal.jsonl", "alive"
#: below the ports the kernel hands out (32768 and up), one of which somebody else might have by
#: the time we are back
_FIRST, _COUNT = 10_240, 9_000


class State:
    """One gateway at a time has it; a killed one lets go of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.journal = Journal(folder / _JOURNAL)
        self.secret = b""
        #: of the SIP socket that workers know
        self.port = 0
        #: until when the gateway before us was seen alive
        self.last_alive: datetime | None = None
        self._lock: int | None = None

    def open(self) -> None:
        """Take it. Raises SipAgentError where another gateway has it, OSError."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        lock = os.open(self.folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(lock)
            raise SipAgentError(
                f"another server runs on {self.folder}; end it, or set another `state`"
            ) from error
        self._lock = lock
        self._read()
        with suppress(FileNotFoundError):
            seen = (self.folder / _ALIVE).stat().st_mtime
            self.last_alive = datetime.fromtimestamp(seen, UTC)
        self.journal.open()
        self.beat()

    def beat(self) -> None:
        """We are alive."""
        with suppress(OSError):
            (self.folder / _ALIVE).touch()

    def close(self) -> None:
        """Let go. Idempotent."""
        self.journal.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _read(self) -> None:
        path = self.folder / _IDENTITY
        try:
            known = json.loads(path.read_text())
            self.secret, self.port = bytes.fromhex(known["secret"]), int(known["port"])
        except (FileNotFoundError, ValueError, KeyError):
            self.secret, self.port = secrets.token_bytes(32), _free_port()
        text = json.dumps({"secret": self.secret.hex(), "port": self.port, "pid": os.getpid()})
        draft = path.with_suffix(".part")
        draft.touch(mode=0o600)
        draft.write_text(text)
        draft.replace(path)


def read_secret(folder: Path) -> bytes:
    """What a gateway that serves by this state signs with; empty where none ever did."""
    try:
        return bytes.fromhex(json.loads((folder / _IDENTITY).read_text())["secret"])
    except (OSError, ValueError, KeyError):
        return b""


def read_pid(folder: Path) -> int | None:
    """The process that serves by this state; None where none does."""
    try:
        lock = os.open(folder / _LOCK, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        with suppress(OSError, ValueError, KeyError):
            return int(json.loads((folder / _IDENTITY).read_text())["pid"])
        return None
    else:
        return None
    finally:
        os.close(lock)


def started_at(folder: Path) -> float | None:
    """When the gateway of now, or the last one, took this state; None where none ever did."""
    try:
        return (folder / _IDENTITY).stat().st_mtime
    except OSError:
        return None


def _free_port() -> int:
    """A UDP port on loopback that nobody has at the moment; 0 where none was found soon."""
    for _ in range(50):
        port = _FIRST + secrets.randbelow(_COUNT)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    return 0
