"""Jobs: what a mind is given to do."""

from dataclasses import dataclass

from sipagent.call.services import TalkEnd

from .conversation import Message
from .latency import TurnClock


@dataclass(frozen=True, slots=True)
class Speak:
    """Say this, unless the caller has said something meanwhile."""

    text: str
    interruptible: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """The caller said this: think, and reply."""

    message: Message
    clock: TurnClock


@dataclass(frozen=True, slots=True)
class Failure:
    """The caller said something and the ears failed."""


@dataclass(frozen=True, slots=True)
class Leave:
    """The talk is over."""

    end: TalkEnd


@dataclass(frozen=True, slots=True)
class GoOn:
    """Reply without a word of the caller's, by this note."""

    note: str
    #: may it use its tools for that?
    with_tools: bool = True


@dataclass(frozen=True, slots=True)
class Overheard:
    """The caller said this to somebody else: know it, and say nothing."""

    message: Message


@dataclass(frozen=True, slots=True)
class Sleep:
    """Do nothing for so many seconds, unless the caller says something."""

    seconds: float


@dataclass(frozen=True, slots=True)
class LastWords:
    """Say something by this note, without tools, and end the talk."""

    note: str


Job = Speak | Answer | Failure | GoOn | Leave | Overheard | Sleep | LastWords
