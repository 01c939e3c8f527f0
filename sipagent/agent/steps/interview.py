"""Interview: a form that somebody else brings, put to the caller while a tool waits."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from sipagent.call.interview import Answers, Field

from ..answers import yes_or_no, yes_or_no_expected
from ..conversation import Message
from ..protocols import Expectation
from .form import Form, FormState
from .spec import Question
from .spoken import words_of
from .validation import AWAITED

#: says the words and waits: None for silence
Ask = Callable[[str, Expectation], Awaitable[Message | None]]
#: whole answers by which a caller will not go on
_NO_MORE = frozenset(
    {"cancel", "stop", "never mind", "nevermind", "no thanks", "no thank you", "forget it"}
)
_AGREED = Question(key="agreed", question="Is that all right?", type="yes_no", attempts=2)


async def interview(ask: Ask, opening: str, fields: Sequence[Field], language: str = "") -> Answers:
    """Ask for every field; see `Interviewer`."""
    if not fields:
        return await _agreed(ask, opening, language)
    form = Form([_question(field) for field in fields])
    values: dict[str, Any] = {}
    before = opening
    while form.open:
        message = await ask(f"{before} {form.words}".strip(), _expected(form, language))
        if message is None:
            return Answers("cancel")
        said = " ".join(words_of(message.text))
        if said in _NO_MORE and form.question.type != "yes_no":
            return Answers("decline")
        reaction = form.heard(message.text, message.digits)
        before = reaction.why
        if reaction.taken is not None and reaction.taken.value is not None:
            values[reaction.taken.question.key] = reaction.taken.value
    return Answers("accept", values) if form.state is FormState.COMPLETE else Answers("cancel")


async def _agreed(ask: Ask, opening: str, language: str) -> Answers:
    words = f"{opening} {_AGREED.question}".strip()
    for _ in range(_AGREED.attempts):
        message = await ask(words, yes_or_no_expected(language))
        if message is None:
            return Answers("cancel")
        verdict = yes_or_no(message.text, message.digits, language)
        if verdict is not None:
            return Answers("accept" if verdict else "decline")
    return Answers("cancel")


def _question(field: Field) -> Question:
    return Question(
        key=field.key,
        question=field.question,
        type=field.type,
        choices=field.choices,
        optional=field.optional,
        attempts=2 if field.optional else 3,
    )


def _expected(form: Form, language: str) -> Expectation:
    question = form.question
    if form.state is FormState.CONFIRMING or question.type == "yes_no":
        return yes_or_no_expected(language)
    keys = tuple(str(n) for n in range(1, len(question.choices) + 1))
    return Expectation(
        phrases=question.choices,
        awaits=AWAITED.get(question.type, "speech"),
        keys=keys,
        language=language,
    )
