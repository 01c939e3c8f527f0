"""Asking: one question to the caller while a tool waits, and what they say to it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sipagent.call.control import CallControl

from .conversation import Message
from .protocols import Expectation
from .speaking.speaker import Speaker, Utterance


@dataclass(slots=True)
class _Question:
    spoken: Utterance
    #: what may be answered; None for a yes or a no
    expected: Expectation | None
    answer: asyncio.Future[Message] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class Asking:
    """One instance a talk; `patience` is in seconds, `caller_busy` tells whether the caller has
    the floor.
    """

    def __init__(self, speaker: Speaker, patience: float, caller_busy: Callable[[], bool]) -> None:
        self._speaker = speaker
        self._patience = patience
        self._caller_busy = caller_busy
        self._question: _Question | None = None

    @property
    def open(self) -> bool:
        """True while an answer is waited for."""
        return self._question is not None

    @property
    def expected(self) -> Expectation | None:
        """What may be answered now, where that is more than a yes or a no."""
        return None if self._question is None else self._question.expected

    def answers(self, began: int) -> bool:
        """Does a turn that began at media-clock `began` answer what is being asked?"""
        question = self._question
        if question is None or question.answer.done():
            return False
        started = question.spoken.started
        return started is not None and began >= started

    def answer(self, message: Message) -> None:
        """The caller's answer to the question."""
        if self._question is not None and not self._question.answer.done():
            self._question.answer.set_result(message)

    async def ask(
        self, control: CallControl, words: str, expected: Expectation | None = None
    ) -> Message | None:
        """Say it and wait for the answer, None for silence; without `expected` a yes or a no."""
        control.call.keys.clear()
        # the history holds a tool call that waits for its result: nothing may stand between
        question = _Question(self._speaker.say(words, private=True), expected)
        self._question = question
        try:
            spoken = asyncio.ensure_future(question.spoken.done())
            either: set[asyncio.Future[Any]] = {spoken, question.answer}
            try:
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            finally:
                spoken.cancel()
            while not question.answer.done():
                await asyncio.wait({question.answer}, timeout=self._patience)
                if not question.answer.done() and not self._caller_busy():
                    return None
            return question.answer.result()
        finally:
            self._question = None
