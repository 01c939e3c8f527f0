"""Contexts, steps and forms as a plan declares them; keys and meanings are those of SWML."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from ..parts import Part, Words

#: what an agent begins with
DEFAULT = "default"
#: in `valid_steps`: the one after this
NEXT = "next"
#: what may happen when a form is filled, beside going to a step by its name
NEXT_STEP, END_TALK = "next_step", "end_talk"

Kind = Literal[
    "string", "number", "digits", "email", "date", "yes_no", "choice", "address", "spelling"
]


def _functions(value: Any) -> Any:
    if value == "none":
        return ()
    return (value,) if isinstance(value, str) else value


Functions = Annotated[tuple[str, ...] | None, BeforeValidator(_functions)]


class Question(Part):
    """One question of a form."""

    key: str = Field(min_length=1, description="the name of the answer")
    question: str = Field(min_length=1)
    type: Kind = "string"
    confirm: bool = Field(default=False, description="the answer is read back, and needs a yes")
    prompt: str | None = Field(default=None, description="more for the model on how to ask")
    functions: Functions = Field(default=None, description="tools that may be used meanwhile")
    choices: Words = Field(default=(), description="of type choice: what may be answered")
    pattern: str | None = Field(
        default=None, description="regular expression that the whole answer has to match"
    )
    length: int | None = Field(default=None, ge=1, le=64, description="of digits: how many")
    attempts: int = Field(default=3, ge=1, le=10, description="before the form is given up")
    optional: bool = Field(
        default=False, description="left empty, not given up, after so many attempts"
    )

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str | None) -> str | None:
        try:
            re.compile(pattern or "")
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        return pattern

    @model_validator(mode="after")
    def _belongs_together(self) -> "Question":
        if (self.type == "choice") != bool(self.choices):
            raise ValueError("choices belong to type choice, and it needs them")
        if self.length is not None and self.type != "digits":
            raise ValueError("length belongs to type digits")
        return self


class GatherInfo(Part):
    """A form: its questions are asked one at a time."""

    questions: tuple[Question, ...] = Field(min_length=1)
    prompt: str | None = Field(default=None, description="for the model, as long as it asks")
    output_key: str | None = Field(
        default=None, description="variable that holds all answers; else each has its own"
    )
    into: Literal["vars", "global_data"] = Field(
        default="vars", description="where the answers are kept"
    )
    completion_action: str | None = Field(
        default=None, description="next_step, a step by its name, or end_talk; else it stays"
    )
    failure_action: str | None = Field(
        default=None, description="the same, where an answer was not to be had; else the fallback"
    )
    verbatim: bool = Field(
        default=False, description="asked word for word by us, without the model"
    )


class Reset(Part):
    """What becomes of the talk so far when a step begins."""

    system_prompt: str | None = Field(default=None, description="in place of the agent's prompt")
    user_prompt: str | None = Field(default=None, description="a note the model goes on by")
    consolidate: bool = Field(default=False, description="keep only the end of it, as a note")
    full_reset: bool = Field(default=False, description="keep nothing of it")


class Step(Part):
    """One step of a context."""

    name: str = Field(min_length=1)
    text: str = Field(default="", description="what the model is to do in this step")
    say: str | None = Field(default=None, description="spoken word for word when it begins")
    step_criteria: str | None = Field(default=None, description="when it is done")
    functions: Functions = Field(
        default=None, description="tools offered in it: all unless listed; none by `none`"
    )
    valid_steps: Words = Field(default=(), description="steps that may follow; else the next one")
    valid_contexts: Words = ()
    end: bool = Field(default=False, description="nothing follows it")
    skip_user_turn: bool = Field(
        default=False, description="the agent goes on once without waiting for the caller"
    )
    skip_to_next_step: bool = Field(
        default=False, description="the next step begins when this one's reply was heard"
    )
    reset: Reset | None = None
    gather_info: GatherInfo | None = None

    @model_validator(mode="after")
    def _ends_or_not(self) -> "Step":
        if self.end and self.valid_steps:
            raise ValueError("end and valid_steps exclude each other")
        if not (self.text or self.say or self.gather_info):
            raise ValueError("needs text, say or gather_info")
        return self


class Context(Reset):
    """A part of the talk with steps of its own. The keys of `Reset` count when it is entered."""

    steps: tuple[Step, ...] = Field(min_length=1, max_length=100)
    prompt: str | None = Field(default=None, description="for the model, in every step of it")
    valid_steps: Words = Field(default=(), description="of steps that list none")
    valid_contexts: Words = Field(default=(), description="of steps that list none")
    isolated: bool = Field(default=False, description="what was said before is not known in it")
    initial: bool = Field(
        default=False, description="the talk begins in it where no context is named default"
    )
    initial_step: str | None = Field(default=None, description="default: the first of its steps")
    enter_fillers: Mapping[str, Words] = Field(
        default_factory=dict, description="one is said when it begins, by language; or `default`"
    )
    exit_fillers: Mapping[str, Words] = Field(
        default_factory=dict, description="one is said when it is left"
    )
    post_prompt: str | None = Field(
        default=None, description="for the report, where the talk ends in it"
    )

    @property
    def first(self) -> str:
        """The step it begins with."""
        return self.initial_step or self.steps[0].name

    @model_validator(mode="after")
    def _begins_somewhere(self) -> "Context":
        if self.first not in [step.name for step in self.steps]:
            raise ValueError(f"there is no step {self.initial_step} to begin with")
        return self

    @field_validator("steps")
    @classmethod
    def _names_once(cls, steps: tuple[Step, ...]) -> tuple[Step, ...]:
        names = [step.name for step in steps]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two steps are named {name}")
            if name in (NEXT, NEXT_STEP, END_TALK):
                raise ValueError(f"a step cannot be named {name}")
        return steps


def _has_default(contexts: Mapping[str, Context]) -> Mapping[str, Context]:
    if contexts and DEFAULT not in contexts and not any(one.initial for one in contexts.values()):
        raise ValueError("there must be a context named default: the talk begins in it")
    if len(contexts) > 50:
        raise ValueError("there can be 50 contexts")
    return contexts


def first_of(contexts: Mapping[str, Context]) -> str:
    """The context a talk begins in."""
    if DEFAULT in contexts:
        return DEFAULT
    return next(name for name, context in contexts.items() if context.initial)


Contexts = Annotated[Mapping[str, Context], AfterValidator(_has_default)]
