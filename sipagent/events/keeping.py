"""Events of what is kept of a call or sent away, and of what is not."""

from typing import Literal

from pydantic import Field

from .base import Base


class RecordingStarted(Base):
    """A recording runs from now."""

    type: Literal["recording_started"] = "recording_started"
    control_id: str
    path: str


class RecordingPaused(Base):
    """A recording keeps nothing of what is said from now on, or keeps it again."""

    type: Literal["recording_paused"] = "recording_paused"
    control_id: str
    paused: bool


class RecordingStopped(Base):
    """A recording is whole on disk."""

    type: Literal["recording_stopped"] = "recording_stopped"
    control_id: str
    path: str
    duration_ms: int


class TapStarted(Base):
    """The call's audio is sent somewhere else from now on: what the caller says, hears, or both."""

    type: Literal["tap_started"] = "tap_started"
    control_id: str
    uri: str
    tracks: tuple[str, ...]


class TapStopped(Base):
    """It is no longer sent there. `sent` counts packets or messages, `dropped` 20 ms frames."""

    type: Literal["tap_stopped"] = "tap_stopped"
    control_id: str
    reason: str
    sent: int
    dropped: int


class SecureEntry(Base):
    """The caller begins to type a secret, or has done so: in between, recordings and taps keep
    silence on their side, and nobody hears them. `secret` is the name it is kept under, `entry`
    what kind of number it is, `result` how it came out, `keys` how many were typed.
    """

    type: Literal["secure_entry"] = "secure_entry"
    change: Literal["began", "ended"]
    secret: str
    entry: str
    result: Literal["", "collected", "cancelled", "no_input", "invalid", "gone"] = ""
    keys: int = 0


class ConsentChanged(Base):
    """The caller agreed to be recorded, refused, or took the consent back. `how` is by which way
    they said so (`answer`: to an agent, by voice or key), `question` what was said to them.
    """

    type: Literal["consent_changed"] = "consent_changed"
    consent: Literal["given", "refused", "withdrawn"]
    how: Literal["key", "voice", "answer", "silence", "request"]
    question: str = ""


class RecordsPruned(Base):
    """Something of calls that are over went by rule. Of no call: `call_id` is empty. `kind` is as
    in `retention`; `count` calls, or days of tolls, files of speech, entries of the audit chain.
    """

    type: Literal["records_pruned"] = "records_pruned"
    kind: str
    count: int
    bytes_freed: int = Field(default=0, description="of files; the database's are not counted")


class CallerErased(Base):
    """All that was known of one person was removed on request. Of no call, and without any word
    of who it was. `complete`: nothing was found afterwards.
    """

    type: Literal["caller_erased"] = "caller_erased"
    erasure: str
    by: str
    calls: int
    things: int
    complete: bool
