"""Prompter: says what steps and forms have word for word, and leaves all else to the mind."""

from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from dataclasses import replace

from sipagent.tools.spec import ToolSpec

from ..conversation import Conversation, Message
from ..protocols import Brain, Expectation, Say, Spoken, ToolCall, Used
from ..streams import closing
from .course import Course
from .tools import ANSWER, CONFIRM

#: what ears were less sure of was not understood
_HEARD = 0.5
#: by which a model fills a form
FORM_TOOLS = frozenset({ANSWER, CONFIRM})


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
        if filler := self._course.drained_fillers():
            yield Say(f"{filler} ")
        if words:
            yield Say(words)
        if words is not None:
            return
        known = _without_answers(conversation) if self._course.hides_answers else conversation
        async with closing(self._brain.reply(known, tools)) as parts:
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


def _without_answers(conversation: Conversation) -> Conversation:
    """As a model knows it that does not see that it filled a form. What was refused it has to read
    as long as that is the newest it was told.
    """
    requests = {r.id: r.name for m in conversation.messages for r in m.requests}
    last = conversation.last
    hidden = {
        m.tool_call_id
        for m in conversation.messages
        if requests.get(m.tool_call_id) in FORM_TOOLS and (m.ok or m is not last)
    }
    return replace(conversation, messages=list(_visible(conversation.messages, hidden)))


def _visible(messages: Sequence[Message], hidden: Collection[str]) -> Iterator[Message]:
    for message in messages:
        if message.role == "tool" and message.tool_call_id in hidden:
            continue
        kept = tuple(r for r in message.requests if r.id not in hidden)
        if kept == message.requests:
            yield message
        elif kept or message.text:
            yield replace(message, requests=kept)
