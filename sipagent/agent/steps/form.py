"""Form: one question at a time, answers checked, read back, corrected; attempts bounded. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ..answers import yes_or_no
from .spec import Question
from .spoken import words_of
from .validation import Valid, validate


class FormState(StrEnum):
    """What is waited for."""

    ASKING = "asking"
    CONFIRMING = "confirming"
    COMPLETE = "complete"
    GIVEN_UP = "given_up"


MOVES: dict[FormState, frozenset[FormState]] = {
    FormState.ASKING: frozenset(FormState),
    FormState.CONFIRMING: frozenset(FormState),
    FormState.COMPLETE: frozenset(),
    FormState.GIVEN_UP: frozenset(),
}
#: words that begin a correction
_NOT_THAT = frozenset({"no", "nope", "not", "wrong", "sorry", "it's", "its", "that's", "i", "said"})


@dataclass(frozen=True, slots=True)
class Taken:
    """An answer that stands: its value is None where the question was left out."""

    question: Question
    value: Any
    attempts: int


@dataclass(frozen=True, slots=True)
class Reaction:
    """What an answer came to. `why` is what was wrong with it, in words for the caller's ear."""

    taken: Taken | None = None
    why: str = ""


class Form:
    """`question` is the one that is asked, until `state` is complete or given up."""

    def __init__(self, questions: Sequence[Question]) -> None:
        self.state = FormState.ASKING
        self._questions = tuple(questions)
        self._index = 0
        self._attempts = 0
        self._pending: Valid | None = None

    @property
    def open(self) -> bool:
        """True while something is asked."""
        return self.state in (FormState.ASKING, FormState.CONFIRMING)

    @property
    def question(self) -> Question:
        """The question that is asked (or was asked last)."""
        return self._questions[min(self._index, len(self._questions) - 1)]

    @property
    def words(self) -> str:
        """What to ask now, word for word."""
        if self.state is FormState.CONFIRMING and self._pending is not None:
            return f"I have {self._pending.spoken}, is that right?"
        return self.question.question if self.open else ""

    def heard(self, text: str, digits: str = "") -> Reaction:
        """The caller's own words or keys."""
        if self.state is not FormState.CONFIRMING:
            return self.answer(text, digits)
        verdict = yes_or_no(text, digits) if len(digits) < 2 else False
        if verdict is not True and (corrected := self._corrected(text, digits)) is not None:
            if self._attempts + 1 >= self.question.attempts:
                return self._missed("All right.")
            self._attempts += 1
            return self._found(corrected)
        return self.confirm(verdict)

    def answer(self, text: str, digits: str = "") -> Reaction:
        """An answer, by the caller or by a model on their behalf."""
        assert self.open
        found = validate(self.question, text, digits)
        if isinstance(found, str):
            return self._missed(found)
        return self._found(found)

    def confirm(self, right: bool | None) -> Reaction:
        """Is what was read back right? None: neither yes nor no was said."""
        assert self.state is FormState.CONFIRMING and self._pending is not None
        if right:
            return self._take(self._pending.value)
        if right is False:
            self._pending = None
            self._move(FormState.ASKING)
            return self._missed("All right.")
        return self._missed("Please say yes or no.")

    def _found(self, valid: Valid) -> Reaction:
        if not self.question.confirm:
            return self._take(valid.value)
        self._pending = valid
        self._move(FormState.CONFIRMING)
        return Reaction()

    def _corrected(self, text: str, digits: str) -> Valid | None:
        """`no, 4 7 1 2`: the new answer in a no, where there is one."""
        if len(digits) > 1:
            found = validate(self.question, "", digits)
        else:
            words = words_of(text)
            while words and words[0] in _NOT_THAT:
                words = words[1:]
            if not words or len(words) == len(words_of(text)) or self.question.type == "yes_no":
                return None
            found = validate(self.question, " ".join(words), "")
        return found if isinstance(found, Valid) else None

    def _take(self, value: Any) -> Reaction:
        taken = Taken(self.question, value, self._attempts + 1)
        self._index += 1
        self._attempts, self._pending = 0, None
        last = self._index == len(self._questions)
        self._move(FormState.COMPLETE if last else FormState.ASKING)
        return Reaction(taken)

    def _missed(self, why: str) -> Reaction:
        self._attempts += 1
        if self._attempts < self.question.attempts:
            return Reaction(why=why)
        if self.question.optional:
            self._attempts -= 1
            return self._take(None)
        self._move(FormState.GIVEN_UP)
        return Reaction(why=why)

    def _move(self, state: FormState) -> None:
        assert state in MOVES[self.state], f"{self.state} -> {state}"
        self.state = state
