"""What stands in a call's zip: names, index, and the whole of it as it was read."""

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from sipagent.errors import SipAgentError
from sipagent.store.began import Began
from sipagent.store.bundle import Bundle

INDEX, EVENTS, SIP = "index.json", "events.jsonl", "sip.txt"
#: what can be left out
Piece = Literal["audio", "transcript", "sip", "models", "plan"]


def pieces(text: str) -> frozenset[Piece]:
    """Pieces as people write them, with commas between. Raises ValueError for one there is not."""
    known: dict[str, Piece] = {piece: piece for piece in get_args(Piece)}
    wanted = [name.strip() for name in text.split(",") if name.strip()]
    for name in wanted:
        if name not in known:
            raise ValueError(f"{name!r} is not one of {', '.join(known)}")
    return frozenset(known[name] for name in wanted)


class BadArchive(SipAgentError):
    """Not the zip of a call, or not as it was written."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Filed(_Part):
    """One file, unpacked."""

    name: str
    bytes: int = Field(ge=0)
    sha256: str


class Index(_Part):
    """`index.json`, the last file of the zip: made by which software, and what is (not) in it.

    `redacted` names the rules that were applied when it was written; a record may have been
    redacted before, when it was made.
    """

    version: Literal[1] = 1
    call_id: str
    made_at: datetime
    software: str
    without: tuple[Piece, ...] = ()
    redacted: tuple[str, ...] = ()
    files: tuple[Filed, ...]


@dataclass(frozen=True, slots=True)
class Archive:
    """A zip whose every checksum was right when it was read. `began` is None where the zip was
    written without the plan, or the call began before plans were kept.
    """

    path: Path
    index: Index
    bundle: Bundle
    began: Began | None
    #: `models.jsonl` and the other texts, by name
    texts: Mapping[str, bytes]

    @property
    def recordings(self) -> tuple[str, ...]:
        """Names for `audio`."""
        return self.bundle.recordings

    def audio(self, name: str) -> bytes:
        """A whole recording. Raises KeyError for one that is not there, OSError."""
        if name not in self.recordings:
            raise KeyError(name)
        with zipfile.ZipFile(self.path) as file:
            return file.read(name)

    def extract(self, folder: Path) -> None:
        """Everything into a folder, as a call's folder is. Raises OSError."""
        folder.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(self.path) as file:
            for filed in self.index.files:
                with file.open(filed.name) as packed, (folder / filed.name).open("wb") as out:
                    while piece := packed.read(1 << 16):
                        out.write(piece)
