"""What a vendor's server is to hear, utterance by utterance, and what its speech is."""

from dataclasses import dataclass

from sipagent.media.g711 import decode, encode

from .lettering import lettered
from .socket_server import Visit


@dataclass(frozen=True, slots=True)
class Line:
    """An utterance: its text, whose first half comes as a partial after so much audio.

    `ends_itself`: the server finds the end of the turn after so much audio, without being told.
    """

    text: str
    partial_ms: int = 100
    ends_itself: int | None = None

    @property
    def half(self) -> str:
        """The first words."""
        words = self.text.split()
        return " ".join(words[: (len(words) + 1) // 2])


class Script:
    """Lines to come, and then `again` and again; without, nobody says a word any more."""

    def __init__(self, *lines: str | Line, again: Line | None = None) -> None:
        self._lines = [Line(line) if isinstance(line, str) else line for line in lines]
        self._again = again or Line("")

    def next(self) -> Line:
        """The next utterance."""
        return self._lines.pop(0) if self._lines else self._again


class Hearing:
    """How much of which line was heard."""

    def __init__(self, script: Script, encoding: str, rate: int) -> None:
        self._script = script
        self._encoding = encoding
        self._rate = rate
        self.line: Line | None = None
        self.ms = 0
        self.guessed = False

    def audio(self, audio: bytes) -> Line:
        """More of it."""
        self.line = self.line or self._script.next()
        self.ms += self.length(audio)
        return self.line

    def length(self, audio: bytes) -> int:
        """Milliseconds."""
        return milliseconds(audio, self._encoding, self._rate)

    def guess(self) -> str:
        """The first words, once, when enough was heard of them; else the empty string."""
        if self.line is None or self.guessed or self.ms < self.line.partial_ms:
            return ""
        self.guessed = True
        return self.line.half

    def over(self) -> str:
        """The text; the next audio is of the next line."""
        text = self.line.text if self.line else ""
        self.line, self.ms, self.guessed = None, 0, False
        return text


def hearing_of(script: Script, visit: Visit) -> Hearing:
    """Where the address says what comes."""
    return Hearing(script, visit.query["encoding"][0], int(visit.query["sample_rate"][0]))


def spoken(text: str, encoding: str, rate: int) -> list[bytes]:
    """Speech that spells its text, in pieces so odd that a sample may come in two."""
    pcm = lettered(text, rate)
    sound = encode("PCMU", pcm) if "law" in encoding else pcm
    return [sound[at : at + 333] for at in range(0, len(sound), 333)]


def milliseconds(audio: bytes, encoding: str, rate: int) -> int:
    """How long audio is, in a vendor's encoding."""
    return len(audio) * 1000 // rate // (1 if "law" in encoding else 2)


def linear(audio: bytes, encoding: str) -> bytes:
    """As s16le."""
    return decode("PCMU", audio) if "law" in encoding else audio
