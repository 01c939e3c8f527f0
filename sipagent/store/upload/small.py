"""Small files that are replaced at once: the spool's entries and the receipts."""

import os
from pathlib import Path


def replace(path: Path, text: str) -> None:
    """The old or the new one, whole, outlives the process and the machine's power. Raises
    OSError.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.write(file, text.encode())
            os.fsync(file)
        finally:
            os.close(file)
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


def place(root: Path, call_id: str) -> Path:
    """Where the file of a call stands, among those of its day. Raises ValueError for an id that is
    no file's name.
    """
    if not call_id or Path(call_id).name != call_id or call_id.startswith("."):
        raise ValueError(f"{call_id!r} is no call's id")
    return root / call_id[:8] / f"{call_id}.json"
