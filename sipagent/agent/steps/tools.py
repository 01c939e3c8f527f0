"""The tools that steps bring along: next_step, change_context, answer, confirm_answer."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any

from jsonschema import Draft202012Validator

from sipagent.call.control import CallControl
from sipagent.tools.spec import ToolResult, ToolSpec

from ..answers import yes_or_no
from ..conversation import Conversation, Message
from .course import Course
from .form import Form, FormState
from .machine import IllegalMove, Place
from .spec import Question

NEXT_STEP, CHANGE_CONTEXT, ANSWER, CONFIRM = (
    "next_step",
    "change_context",
    "answer",
    "confirm_answer",
)
#: always offered, where the agent has it at all
_ALWAYS = "hangup"
OWN = frozenset({NEXT_STEP, CHANGE_CONTEXT, ANSWER, CONFIRM})


class StepTools:
    """What may be called in the step the course is in."""

    def __init__(self, course: Course, conversation: Conversation) -> None:
        self._course = course
        self._conversation = conversation
        #: the caller's newest message when an answer was read back
        self._asked_after: Message | None = None

    def offered(self, tools: Sequence[ToolSpec]) -> tuple[ToolSpec, ...]:
        """Of the agent's tools those that count now, and our own."""
        course = self._course
        names = course.step.functions
        if course.gather is not None and course.form is not None:
            names = course.form.question.functions or ()
        kept = [t for t in tools if names is None or t.name in (*names, _ALWAYS)]
        return (*kept, *self._own())

    def _own(self) -> Iterator[ToolSpec]:
        course, form = self._course, self._course.form
        if course.gather is not None and form is not None:
            yield self._answer(form.question)
            if form.state is FormState.CONFIRMING:
                yield self._confirm()
            return
        if steps := course.machine.steps:
            yield self._move(NEXT_STEP, "step", steps, self._next_step)
        if contexts := course.machine.contexts:
            yield self._move(CHANGE_CONTEXT, "context", contexts, self._change_context)

    def _move(
        self, name: str, key: str, to: Sequence[str], move: Callable[[str], Place]
    ) -> ToolSpec:
        what = "step of the talk" if name == NEXT_STEP else "part of the talk"
        schema = {key: {"type": "string", "enum": list(to)}}

        async def invoke(arguments: Mapping[str, Any], control: CallControl) -> ToolResult:
            try:
                place = move(str(arguments.get(key, "")))
            except IllegalMove as error:
                legal = ", ".join(error.legal) or "nowhere"
                return ToolResult(f"From here it goes to: {legal}.", ok=False)
            return ToolResult(f"Now in step {place.step}. Follow its instructions.")

        required = [key] if name == CHANGE_CONTEXT or len(to) > 1 else []
        return _tool(name, f"Go to the next {what}.", schema, required, invoke)

    def _next_step(self, name: str) -> Place:
        return self._course.next_step(name)

    def _change_context(self, name: str) -> Place:
        return self._course.change_context(name)

    def _answer(self, question: Question) -> ToolSpec:
        schema = {"value": {"type": ["string", "number", "boolean"], "description": question.type}}
        about = f"Give the caller's answer to the question {question.key!r}, as they said it."
        return _tool(ANSWER, about, schema, ["value"], self._answered)

    def _confirm(self) -> ToolSpec:
        schema = {"correct": {"type": "boolean"}}
        about = "Tell whether the caller said that what was read back to them is right."
        return _tool(CONFIRM, about, schema, ["correct"], self._confirmed)

    async def _answered(self, arguments: Mapping[str, Any], control: CallControl) -> ToolResult:
        form = self._form()
        value = arguments["value"]
        text = str(value).lower() if isinstance(value, bool) else str(value)
        key = form.question.key
        reaction = form.answer(text)
        self._asked_after = self._caller_last()
        self._course.settle(reaction)
        if form.state is FormState.CONFIRMING:
            return ToolResult(f'Not taken yet. Ask the caller: "{self._course.asks}"')
        if reaction.taken is None:
            return ToolResult(self._why(form, reaction.why), ok=False)
        return ToolResult(f"{key} is taken. {self._then(form)}")

    async def _confirmed(self, arguments: Mapping[str, Any], control: CallControl) -> ToolResult:
        form = self._form()
        last = self._caller_last()
        if last is None or last is self._asked_after:
            text = f'The caller was not asked yet. Say: "{self._course.asks}"'
            return ToolResult(text, ok=False)
        key = form.question.key
        right = arguments["correct"] and yes_or_no(last.text, last.digits) is not False
        reaction = form.confirm(right)
        self._course.settle(reaction)
        if reaction.taken is None:
            return ToolResult(self._why(form, f"{key} is not confirmed."), ok=False)
        return ToolResult(f"{key} is taken. {self._then(form)}")

    def _form(self) -> Form:
        form = self._course.form
        assert form is not None
        return form

    def _why(self, form: Form, why: str) -> str:
        if form.open:
            return f'{why} Ask the caller again: "{self._course.asks}"'
        return f"{why} Do not ask again."

    def _then(self, form: Form) -> str:
        if form.open and form is self._course.form:
            return f'Now ask: "{self._course.asks}"'
        return "That was the last question."

    def _caller_last(self) -> Message | None:
        said = [m for m in self._conversation.messages if m.role == "caller"]
        return said[-1] if said else None


_Invoke = Callable[[Mapping[str, Any], CallControl], Awaitable[ToolResult]]


def _tool(
    name: str, about: str, properties: Mapping[str, Any], required: Sequence[str], invoke: _Invoke
) -> ToolSpec:
    schema = {
        "type": "object",
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": False,
    }

    async def checked(arguments: Mapping[str, Any], control: CallControl) -> ToolResult:
        for error in Draft202012Validator(schema).iter_errors(dict(arguments)):
            return ToolResult(f"{name} was not run: {error.message}", ok=False)
        return await invoke(arguments, control)

    return ToolSpec(name, about, schema, checked)
