"""Commands: what a typed line means. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from sipagent.errors import SipAgentError
from sipagent.legs.digits import KEYS
from sipagent.sources import nearest

Kind = Literal["say", "press", "interrupt", "wait", "cough", "hangup", "events", "legs", "help"]
HELP = """Type what the caller says. Or:
/press 14#        press keys
/interrupt 1.5 W  say W so many seconds into what the agent says next
/cough            make a noise that is no word
/wait 5           say nothing for so many seconds
/legs             who is in the call
/events           everything that has happened since you last asked, as JSON
/hangup           hang up (the end of the input does so, too)"""
#: the longest that can be waited in one line, seconds
_LONGEST = 3600.0


class Unknown(SipAgentError):
    """A line that means nothing here; the text says what would."""


@dataclass(frozen=True, slots=True)
class Command:
    """`text` is words or keys, `seconds` how long to wait, or to let the agent speak."""

    kind: Kind
    text: str = ""
    seconds: float = 0.0


def read(line: str) -> Command | None:
    """A line as a command; None for an empty one. Raises Unknown."""
    line = line.strip()
    if not line:
        return None
    if not line.startswith("/"):
        return Command("say", line)
    name, _, rest = line[1:].partition(" ")
    try:
        reader = _READERS[name]
    except KeyError:
        hint = nearest(name, _READERS) or "/help lists them"
        raise Unknown(f"there is no /{name}; {hint}") from None
    return reader(rest.strip())


def _press(rest: str) -> Command:
    keys = rest.replace(" ", "").upper()
    if not keys or set(keys) - set(KEYS):
        raise Unknown(f"/press needs keys, of {KEYS}: /press 14#")
    return Command("press", keys)


def _wait(rest: str) -> Command:
    return Command("wait", seconds=_seconds(rest or "1", "/wait 5"))


def _interrupt(rest: str) -> Command:
    seconds, _, words = rest.partition(" ")
    if not words.strip():
        raise Unknown("/interrupt needs seconds and words: /interrupt 1.5 Stop please")
    return Command("interrupt", words.strip(), _seconds(seconds, "/interrupt 1.5 Stop please"))


def _seconds(text: str, example: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        raise Unknown(f"{text!r} are no seconds: {example}") from None
    if not 0 < seconds <= _LONGEST:
        raise Unknown(f"seconds are above 0 and at most {_LONGEST:g}: {example}")
    return seconds


_READERS: Mapping[str, Callable[[str], Command]] = {
    "press": _press,
    "interrupt": _interrupt,
    "wait": _wait,
    "cough": lambda rest: Command("cough"),
    "hangup": lambda rest: Command("hangup"),
    "events": lambda rest: Command("events"),
    "legs": lambda rest: Command("legs"),
    "help": lambda rest: Command("help"),
}
