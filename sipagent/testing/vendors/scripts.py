"""What a vendor's server is to hear, utterance by utterance."""

from dataclasses import dataclass

from sipagent.media.g711 import decode


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
    """Lines to come; after the last of them nobody says a word."""

    def __init__(self, *lines: str | Line) -> None:
        self._lines = [Line(line) if isinstance(line, str) else line for line in lines]

    def next(self) -> Line:
        """The next utterance."""
        return self._lines.pop(0) if self._lines else Line("")


def milliseconds(audio: bytes, encoding: str, rate: int) -> int:
    """How long audio is, in a vendor's encoding."""
    return len(audio) * 1000 // rate // (1 if "law" in encoding else 2)


def linear(audio: bytes, encoding: str) -> bytes:
    """As s16le."""
    return decode("PCMU", audio) if "law" in encoding else audio
