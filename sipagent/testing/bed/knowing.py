"""Known: what a scripted caller says, as a recogniser would come to know it, word by word. Pure."""

from dataclasses import dataclass, field

from .render import Rendered

#: a word that ends with its turn is heard though the turn's last frame is not quite over
_SLACK_MS = 40.0


@dataclass(slots=True)
class Known:
    """Words of one call that no turn has had yet. `delay_ms` is how late a partial knows a word;
    when a turn ends, all that was said is known at once. Times are ms on any one clock.
    """

    delay_ms: float
    _words: list[tuple[float, str]] = field(default_factory=list)

    def add(self, line: Rendered, at: float) -> None:
        """The caller begins to say a line at `at`."""
        self._words += [(at + word.end_ms, word.text) for word in line.words]

    def partial(self, now: float) -> str:
        """What is known while the turn runs."""
        return " ".join(text for end, text in self._words if end + self.delay_ms <= now)

    def final(self, now: float) -> str:
        """The turn ended: its words, which the next turn does not get again."""
        said = [text for end, text in self._words if end <= now + _SLACK_MS]
        self._words = self._words[len(said) :]
        return " ".join(said)
