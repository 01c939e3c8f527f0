"""Prompter: says what steps and forms have word for word, and leaves all else to the mind."""

from collections.abc import AsyncIterator, Sequence

from sipagent.tools.spec import ToolSpec

from ..conversation import Conversation, Message
from ..protocols import Brain, Expectation, Say, Spoken, ToolCall, Used
from ..streams import closing
from .course import Course

#: what ears were less sure of was not understood
_HEARD = 0.5


class Prompter:
    """A Brain around the agent's own. `alone`: that one cannot make anything of an answer to a
    form, so that what is not said here is not said.
    """

    def __init__(self, brain: Brain, course: Course, *, alone: bool) -> None:
        self._brain = brain
        self._course = course
        self._alone = alone

    def expects(self, conversation: Conversation) -> Expectation:
        """See `Brain`."""
        return self._brain.expects(conversation)

    async def reply(
        self, conversation: Conversation, tools: Sequence[ToolSpec]
    ) -> AsyncIterator[Say | Spoken | ToolCall | Used]:
        """See `Brain`."""
        words = self._words(conversation.last)
        if words:
            yield Say(words)
        if words is not None:
            return
        async with closing(self._brain.reply(conversation, tools)) as parts:
            async for part in parts:
                yield part

    def _words(self, last: Message | None) -> str | None:
        """What is said here; None where the mind is to answer."""
        course = self._course
        asked = course.verbatim
        parts = self._answered(last) if asked else []
        parts += course.drained()
        if course.verbatim:
            course.asked = course.form
            parts.append(course.asks)
        words = " ".join(filter(None, parts))
        if words or course.end is not None or (asked and self._alone):
            return words
        return None

    def _answered(self, last: Message | None) -> list[str]:
        form = self._course.form
        if form is None or self._course.asked is not form or last is None or last.role != "caller":
            return []
        sure = last.confidence is None or last.confidence >= _HEARD
        reaction = form.heard(last.text if sure else "", last.digits)
        self._course.settle(reaction)
        return [reaction.why]
