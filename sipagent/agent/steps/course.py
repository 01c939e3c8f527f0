"""Course: the steps of one talk under way, and what entering one does to it."""

from collections.abc import Callable, Mapping, Sequence

from sipagent.call.services import TalkEnd
from sipagent.call.session import CallSession
from sipagent.call.shared_data import SharedData
from sipagent.errors import CallError
from sipagent.events import Gathered, StepChanged, Warned

from ..conversation import Conversation, Message
from ..lines import lines_of, tail
from .form import Form, FormState, Reaction
from .machine import IllegalMove, Place, StepMachine
from .spec import END_TALK, NEXT_STEP, Context, GatherInfo, Reset, Step

#: replies in a row without a word of the caller's
_ALONE = 20


class Course:
    """The place in the contexts, the form that is filled in it, and where the answers go."""

    def __init__(
        self,
        contexts: Mapping[str, Context],
        conversation: Conversation,
        call: CallSession,
        filled: Callable[[str], str],
        *,
        fallback: str | None = None,
        verbatim: bool = False,
        language: Callable[[], str] = lambda: "",
    ) -> None:
        """`filled` fills the templates of what the author wrote; `language` is the code of the one
        that is spoken; with `verbatim` every form is
        asked word for word, whatever it says itself.
        """
        self.machine = StepMachine(contexts)
        self.form: Form | None = None
        #: the form whose question was spoken: what the caller says is an answer to it
        self.asked: Form | None = None
        #: how the talk ends, once it does
        self.end: TalkEnd | None = None
        #: the system prompt a step has put in place of the agent's
        self.system_prompt: str | None = None
        #: said word for word with the next reply
        self.to_say: list[str] = []
        #: said before the next reply, whoever makes it
        self.fillers: list[str] = []
        self._language = language
        self._conversation = conversation
        self._call = call
        self._filled = filled
        self._fallback = fallback
        self._always_verbatim = verbatim
        self._alone = _Alone(conversation)
        #: the model does not see the forms that it filled, as SWML has it
        self.hides_answers = any(
            step.gather_info is not None and step.gather_info.into == "global_data"
            for context in contexts.values()
            for step in context.steps
        )
        self._entered(Place("", ""), self.machine.place, "plan")

    @property
    def step(self) -> Step:
        """The step it is in."""
        return self.machine.step

    @property
    def gather(self) -> GatherInfo | None:
        """The form that is being filled, as it is declared."""
        return self.step.gather_info if self.form is not None and self.form.open else None

    @property
    def verbatim(self) -> bool:
        """True while a form is open that is asked word for word."""
        return self.gather is not None and (self._always_verbatim or self.gather.verbatim)

    @property
    def asks(self) -> str:
        """What the form asks now, word for word; nothing where none is open."""
        form = self.form
        if form is None or not form.open:
            return ""
        # what is read back holds the caller's own words: those are no templates
        return self._filled(form.words) if form.state is FormState.ASKING else form.words

    def next_step(self, name: str) -> Place:
        """The model goes on. Raises IllegalMove."""
        before = self.machine.place
        return self._entered(before, self.machine.next_step(name), "model")

    def change_context(self, name: str) -> Place:
        """The model goes to another context. Raises IllegalMove."""
        before = self.machine.place
        return self._entered(before, self.machine.change_context(name), "model")

    def force(self, step: str = "", context: str = "") -> Place:
        """The plan goes there, legal or not. Raises IllegalMove where nothing is so named."""
        before = self.machine.place
        return self._entered(before, self.machine.force(step, context), "plan")

    def settle(self, reaction: Reaction) -> None:
        """Keep the answer, and do what is to be done once the form is over."""
        form, gather = self.form, self.step.gather_info
        assert form is not None and gather is not None
        if taken := reaction.taken:
            self._keep(gather, taken.question.key, taken.value)
            self._call.emit(
                Gathered, key=taken.question.key, value=str(taken.value), attempts=taken.attempts
            )
        if form.open:
            return
        if reaction.taken is None:
            self._call.emit(Warned, code="form_given_up", detail=f"no {form.question.key}")
            if gather.failure_action is None:
                self.end = TalkEnd("failed", self._fallback)
                return
            self._act(gather.failure_action)
        elif gather.completion_action is not None:
            self._act(gather.completion_action)

    def goes_on(self) -> str:
        """After a reply: the note by which the mind goes on without the caller, or nothing."""
        if (self.gather is not None and not self.to_say) or not self._alone.once_more():
            return ""
        step = self.step
        if step.skip_to_next_step and self.machine.steps:
            before = self.machine.place
            place = self._entered(before, self.machine.next_step(), "plan")
            return f"go on with the step {place.step}"
        if step.skip_user_turn and not self._alone.skipped:
            self._alone.skipped = True
            return "the caller does not answer here: go on"
        return ""

    def drained_fillers(self) -> str:
        """What is said before the next reply; it counts as said."""
        words, self.fillers = " ".join(self.fillers), []
        return words

    def drained(self) -> list[str]:
        """What is to be said word for word; it counts as said."""
        words, self.to_say = self.to_say, []
        return words

    def _act(self, action: str) -> None:
        if action == END_TALK:
            self.end = TalkEnd("done")
            return
        before = self.machine.place
        try:
            place = self.machine.next_step() if action == NEXT_STEP else self.machine.force(action)
        except IllegalMove:
            return  # the last step: it stays there
        self._entered(before, place, "form")

    def _keep(self, gather: GatherInfo, key: str, value: object) -> None:
        if gather.into == "global_data":
            self._share(gather, key, value)
            return
        variables = self._call.scope["vars"]
        if gather.output_key is not None:
            known = variables.get(gather.output_key)
            answers = dict(known) if isinstance(known, Mapping) else {}
            variables[gather.output_key] = answers | {key: value}
        else:
            variables[key] = value

    def _share(self, gather: GatherInfo, key: str, value: object) -> None:
        """Into global data, where functions and prompts see it."""
        shared = SharedData(self._call.scope)
        known = shared.global_data.get(gather.output_key or "")
        answers = dict(known) if isinstance(known, Mapping) else {}
        found = {key: value}
        try:
            shared.set_global({gather.output_key: answers | found} if gather.output_key else found)
        except CallError as error:
            self._call.emit(Warned, code="global_data", detail=str(error))

    def _entered(self, before: Place, place: Place, by: str) -> Place:
        step = self.step
        self._call.emit(
            StepChanged,
            context=place.context,
            step=place.step,
            before=f"{before.context}.{before.step}" if before.step else "",
            by=by,
        )
        self._alone.skipped = False
        if place.context != before.context and before.step:
            left = self.machine.of(before)
            self._fill(left.exit_fillers)
            self._fill(self.machine.context.enter_fillers)
            self._reset(self.machine.context, anew=self.machine.context.isolated)
        if step.reset is not None:
            self._reset(step.reset)
        if step.say:
            self.to_say.append(self._filled(step.say))
        self.form = Form(step.gather_info.questions) if step.gather_info else None
        return place

    def _fill(self, fillers: Mapping[str, Sequence[str]]) -> None:
        """One of those in the language that is spoken."""
        code = self._language()
        texts = fillers.get(code) or fillers.get(code.partition("-")[0]) or fillers.get("default")
        if texts is None and not code:
            texts = next(iter(fillers.values()), None)
        if texts:
            self.fillers.append(self._filled(texts[0]))

    def _reset(self, reset: Reset, *, anew: bool = False) -> None:
        conversation = self._conversation
        self.system_prompt = reset.system_prompt or self.system_prompt
        if reset.consolidate:
            note = tail(lines_of(conversation.messages))
            conversation.forget(Message("system", f"said so far: {note}"))
        elif reset.full_reset or anew:
            conversation.forget()
        if reset.user_prompt:
            conversation.add(Message("system", reset.user_prompt))


class _Alone:
    """How often the mind went on since the caller said something."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._last: Message | None = None
        self._count = 0
        #: the one turn a step may skip was skipped
        self.skipped = False

    def once_more(self) -> bool:
        """Count one; False where it is one too many."""
        said = [m for m in self._conversation.messages if m.role == "caller"]
        last = said[-1] if said else None
        if last is not self._last:
            self._last, self._count = last, 0
        self._count += 1
        return self._count <= _ALONE
