"""Steps: what the steps of an agent mean for its prompt, its tools, its ears and its words."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from sipagent.call.services import TalkEnd
from sipagent.call.session import CallSession
from sipagent.tools.spec import ToolSpec

from ..answers import YES_OR_NO
from ..conversation import Conversation
from ..protocols import Brain, Expectation
from .course import Course
from .form import Form, FormState
from .prompter import Prompter
from .spec import Context, GatherInfo
from .tools import StepTools
from .validation import AWAITED


class Steps:
    """One instance a talk. `alone`: the agent's mind goes by intents, so forms are asked without
    it.
    """

    def __init__(
        self,
        contexts: Mapping[str, Context],
        conversation: Conversation,
        call: CallSession,
        filled: Callable[[str], str],
        *,
        fallback: str | None,
        alone: bool,
        language: Callable[[], str] = lambda: "",
    ) -> None:
        self.course = Course(
            contexts,
            conversation,
            call,
            filled,
            fallback=fallback,
            verbatim=alone,
            language=language,
        )
        self._tools = StepTools(self.course, conversation)
        self._alone = alone

    @property
    def end(self) -> TalkEnd | None:
        """How a form has ended the talk, if it has."""
        return self.course.end

    def prompt(self, own: str) -> tuple[str, str]:
        """The agent's prompt, or what a step has put in its place; and what the step adds."""
        return self.course.system_prompt or own, "\n\n".join(self._instructions())

    def offered(self, tools: Sequence[ToolSpec]) -> tuple[ToolSpec, ...]:
        """Of the agent's tools those of this step, and the step's own."""
        return self._tools.offered(tools)

    def brain(self, own: Brain) -> Brain:
        """The agent's mind, behind what is said word for word."""
        return Prompter(own, self.course, alone=self._alone)

    def expects(self, own: Expectation) -> Expectation:
        """What the caller may say now."""
        form = self.course.form
        if self.course.gather is None or form is None:
            return own
        return _expected(form, own, only=self._alone)

    def begins(self) -> str:
        """The note by which the mind speaks before the caller, where the first step has words."""
        return "begin" if self.course.to_say or self.course.verbatim else ""

    def goes_on(self) -> str:
        """See `Course.goes_on`."""
        return self.course.goes_on()

    def _instructions(self) -> Iterator[str]:
        course, step = self.course, self.course.step
        if course.machine.context.prompt:
            yield course.machine.context.prompt
        yield f"Current step: {step.name}\n{step.text}".rstrip()
        if course.gather is not None and course.form is not None:
            yield from _asking(course.gather, course.form)
            return
        if step.step_criteria:
            yield f"This step is done when: {step.step_criteria}"
        if steps := course.machine.steps:
            yield f"When it is done, call next_step. Steps that may follow: {', '.join(steps)}."


def _asking(gather: GatherInfo, form: Form) -> Iterator[str]:
    question = form.question
    if gather.prompt:
        yield gather.prompt
    if form.state is FormState.CONFIRMING:
        yield f'Ask the caller "{form.words}", and call confirm_answer with what they say.'
        return
    yield f'Ask only this now, then call answer with what the caller says: "{question.question}"'
    if question.prompt:
        yield question.prompt
    if question.choices:
        yield f"It can be: {', '.join(question.choices)}."


def _expected(form: Form, own: Expectation, *, only: bool) -> Expectation:
    question = form.question
    phrases, keys = () if only else own.phrases, () if only else own.keys
    if form.state is FormState.CONFIRMING or question.type == "yes_no":
        return Expectation(
            (*YES_OR_NO.phrases, *phrases), "yes_no", (*YES_OR_NO.keys, *keys), own.language
        )
    choices = question.choices
    numbers = tuple(str(n) for n in range(1, len(choices) + 1))
    awaits = AWAITED.get(question.type, "speech")
    return Expectation((*choices, *phrases), awaits, (*numbers, *keys), own.language)
