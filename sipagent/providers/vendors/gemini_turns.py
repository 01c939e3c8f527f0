"""Turns: which answer Gemini's server is speaking, told by what it says of its generating. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sipagent.agent.protocols import Used
from sipagent.agent.realtime.model import Whose


@dataclass(slots=True)
class Turn:
    """What goes with the asking for one answer. `goes_on`: the server answers by itself."""

    texts: list[tuple[Whose, str]] = field(default_factory=list)
    heard: list[bytes] = field(default_factory=list)
    sounds: list[str] = field(default_factory=list)
    goes_on: bool = False

    def history(self, *, answered: bool) -> dict[str, Any]:
        """The texts as `clientContent`; `answered` where an answer to them is wanted."""
        turns = [
            {"role": "model" if whose == "agent" else "user", "parts": [{"text": text}]}
            for whose, text in self.texts
        ]
        return {"turns": turns, "turnComplete": answered}

    def notes(self) -> Iterator[str]:
        """The texts as the caller's own side can tell them."""
        for whose, text in self.texts:
            yield f"[you said: {text}]" if whose == "agent" else text


class Turns:
    """One answer at a time; what still comes of one that was cancelled is nobody's."""

    def __init__(self) -> None:
        #: tokens told and not yet passed on
        self.used: Used | None = None
        self._answer = ""
        self._sounds: list[str] = []
        self._text = ""
        #: the server has not said that it is done with what it makes
        self._making = False
        #: what comes belongs to an answer that was cancelled
        self._stale = False
        #: something of the answer has come
        self._begun = False

    def ask(self, answer: str, sounds: list[str]) -> None:
        """An answer was asked for, to these sounds and perhaps more."""
        self._stale = self._making
        self._answer, self._sounds, self._text = answer, list(sounds), ""
        self._making, self._begun = True, False

    def cancel(self, answer: str) -> None:
        """Nobody wants it any more."""
        if answer == self._answer:
            self._answer = ""

    def wrote(self, text: str) -> None:
        """More of what the caller was heard to say."""
        self._text += text

    def speaks(self) -> str:
        """Something of an answer came: whose it is, empty where nobody wants it."""
        if self._stale:
            return ""
        self._begun = True
        return self._answer

    def over(self) -> tuple[str, list[str], str]:
        """The server is done with making: the answer that is over (empty where none of ours is),
        and what the sounds before it were.

        An end before anything has come is the rest of an earlier answer's.
        """
        if self._stale:
            self._stale = False
            return "", [], ""
        if not self._begun:
            return "", [], ""
        over = self._answer, self._sounds, self._text.strip()
        self._answer, self._sounds, self._text = "", [], ""
        self._making = self._begun = False
        return over
