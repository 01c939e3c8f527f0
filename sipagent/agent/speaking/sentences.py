"""Sentences: streamed words cut where a mouth can begin, the first piece as early as can be."""

import re

_END = re.compile(r"(?:[.!?…]+[\"')\]]*|[。！？])(?=\s)|\n")
_CLAUSE = re.compile(r"[,;:–—](?=\s)")
_ABBREVIATED = re.compile(r"(?:^|\s)(?:[A-Z]|Mr|Mrs|Ms|Dr|Prof|St|No|vs|etc|e\.g|i\.e|approx)\.$")


class SentenceSplitter:
    """Only the very first piece may be a clause: after it there is speech to hide the wait."""

    def __init__(self, *, first_clause_words: int = 5) -> None:
        self._text = ""
        self._first = True
        self._clause_words = first_clause_words

    def feed(self, text: str) -> list[str]:
        """More text; the whole sentences it completes."""
        self._text += text
        sentences: list[str] = []
        while (end := self._sentence_end()) is not None:
            sentences += self._take(end)
        if self._first and (end := self._clause_end()) is not None:
            sentences += self._take(end)
        return sentences

    def flush(self) -> list[str]:
        """The rest: nothing more comes."""
        return self._take(len(self._text))

    def _take(self, end: int) -> list[str]:
        sentence, self._text = self._text[:end].strip(), self._text[end:]
        if not any(char.isalnum() for char in sentence):
            return []
        self._first = False
        return [sentence]

    def _sentence_end(self) -> int | None:
        for found in _END.finditer(self._text):
            if not _ABBREVIATED.search(self._text[: found.end()]):
                return found.end()
        return None

    def _clause_end(self) -> int | None:
        if self._text.rstrip()[-1:] in ".!?…":
            return None
        for found in _CLAUSE.finditer(self._text):
            if len(self._text[: found.end()].split()) >= self._clause_words:
                return found.end()
        return None
