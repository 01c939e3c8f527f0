"""Sentences: streamed words cut where a mouth can begin, the first piece as early as can be."""

import re

#: what may stand between the end of a sentence and the space behind it
_CLOSERS = "[\"'”’»)\\]]*"
#: scripts written without spaces end their sentences with signs of their own
_END = re.compile(rf"[.!?…؟।]+{_CLOSERS}(?=\s)|[。！？｡]+[」』”’）]*|\n")
_CLAUSE = re.compile(r"[,;:–—،](?=\s)|[，、；：]")
#: never the end of a sentence, whatever follows: titles, and what has to have something behind it
_TITLE = re.compile(
    r"(?:^|[\s(¿¡«„“\"'])(?:\w|Mrs?|Ms|Mx|Dra?|Drs|Prof|St|Ste|Hr|Fr|Mme|Mlle|Sres?|Sra?s?|Srta"
    r"|Uds?|Sig|Dott|Ing|vs|approx|ca|bzw|[ei]\.\s?[ge]|z\.\s?B|d\.\s?h|p\.\s?ej|p\.\s?ex)\.$"
)
#: not the end where a number follows: "No. 5", and "No." is an answer
_NUMBERED = re.compile(r"(?:^|\s)(?:No|Nr|Nº|Núm|Tel|Art|Abs|pp?)\.$", re.IGNORECASE)
#: the end of a sentence only where a capital letter follows
_SHORTENED = re.compile(
    r"(?:^|\s)(?:etc|usw|ecc|Inc|Ltd|Co|Corp|S\.A|[ap]\.\s?m)\.$", re.IGNORECASE
)
#: "am 3. Mai", "1. Press the button"
_ORDINAL = re.compile(r"(?:^|\s)\d{1,2}\.$")
#: a text without any end is cut at a space before it is so long
_LONGEST = 400
#: a clause of scripts without spaces is worth beginning with
_CLAUSE_CHARACTERS = 10


class SentenceSplitter:
    """Only the very first piece may be a clause: after it there is speech to hide the wait.

    Where only what follows would tell whether a sentence has ended, it waits for that.
    """

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
        while len(self._text) > _LONGEST:
            sentences += self._take(self._somewhere())
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
            end = found.end()
            if not found[0].startswith((".", "…")) or self._ends(self._text[:end], end):
                return end
        return None

    def _ends(self, before: str, end: int) -> bool:
        """Is this full stop the end of a sentence?"""
        follows = self._text[end:].lstrip()[:1]
        if _TITLE.search(before) or _ORDINAL.search(before):
            return False
        if _NUMBERED.search(before):
            return bool(follows) and not follows.isdigit()
        if _SHORTENED.search(before):
            return bool(follows) and not follows.islower() and not follows.isdigit()
        return not follows.islower()

    def _clause_end(self) -> int | None:
        if self._text.rstrip()[-1:] in ".!?…":
            return None
        for found in _CLAUSE.finditer(self._text):
            clause = self._text[: found.end()]
            spaced = found[0] in ",;:–—،"
            if spaced and len(clause.split()) >= self._clause_words:
                return found.end()
            if not spaced and len(clause) >= _CLAUSE_CHARACTERS:
                return found.end()
        return None

    def _somewhere(self) -> int:
        """A place to cut what has no end: after a clause, else between two words."""
        head = self._text[:_LONGEST]
        clauses = [found.end() for found in _CLAUSE.finditer(head)]
        return clauses[-1] if clauses else head.rfind(" ") + 1 or _LONGEST
