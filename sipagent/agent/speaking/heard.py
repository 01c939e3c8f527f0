"""SpokenText: which words of an utterance were heard up to a played frame. Pure."""

from dataclasses import dataclass, field

#: taken for a word where neither this sentence nor an earlier one has told
_MS_PER_WORD = 400


@dataclass(slots=True)
class Piece:
    """One sentence. `start` is the port position of its first frame, `samples` how much of it was
    made so far, `whole` that no more comes, `before` how many of its words were heard before it
    was begun anew.
    """

    text: str
    start: int | None = None
    samples: int = 0
    whole: bool = False
    before: int = 0

    @property
    def words(self) -> list[str]:
        """Its words."""
        return self.text.split()


@dataclass(slots=True)
class SpokenText:
    """The pieces of one utterance in order. `frame` is samples per frame, `rate` Hz.

    Within a sentence words are taken to be of equal length; one heard in part was not heard.
    """

    rate: int
    frame: int
    pieces: list[Piece] = field(default_factory=list)

    def add(self, text: str) -> Piece:
        """One more sentence."""
        piece = Piece(text)
        self.pieces.append(piece)
        return piece

    def split(self, position: int) -> tuple[str, str]:
        """What was heard once the port has played up to `position`, and what was not."""
        heard: list[str] = []
        unheard: list[str] = []
        for piece in self.pieces:
            words = piece.words
            count = self._heard(piece, position)
            heard += words[:count]
            unheard += words[count:]
        return " ".join(heard), " ".join(unheard)

    def begin_anew(self, piece: Piece, played: int, position: int) -> None:
        """A piece is spoken once more from `position` on; the port has played up to `played`."""
        piece.before = self._heard(piece, played)
        piece.start = position

    def _heard(self, piece: Piece, position: int) -> int:
        if piece.start is None or position <= piece.start:
            return piece.before
        words = len(piece.words)
        played = (position - piece.start) * self.frame
        length = max(1, self._length(piece))
        return min(words, max(piece.before, words * played // length))

    def _length(self, piece: Piece) -> int:
        if piece.whole:
            return piece.samples
        made = [known for known in self.pieces if known.whole and known.samples]
        words = sum(len(known.words) for known in made)
        if words:
            per_word = sum(known.samples for known in made) // words
        else:
            per_word = self.rate * _MS_PER_WORD // 1000
        return max(piece.samples, per_word * len(piece.words))
