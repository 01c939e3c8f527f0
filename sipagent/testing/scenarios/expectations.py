"""Expectations: what a scenario says is to happen, or not to happen, as data."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, TypeAdapter, model_validator

from sipagent.agent.parts import Part
from sipagent.events import ANY_EVENT
from sipagent.sources import nearest

from .patterns import Text, Wording

Who = Literal["agent", "plan", "callee"]
By = Literal["caller", "agent", "plan", "system"]
#: how a party that was dialled or referred to came to be; `refused` is any status from 300 on
Result = Literal["answered", "busy", "no_answer", "declined", "not_found", "refused", "ringing"]
#: what an expectation is about; each has one
SUBJECTS = (
    "hears", "tool", "verb", "transfer", "denied", "event", "section", "step", "agent", "intent",
    "variables", "texted", "ended", "not", "never",
)  # fmt: skip


def _event_types() -> tuple[str, ...]:
    tags: Mapping[str, Any] = TypeAdapter(ANY_EVENT._type).json_schema()["discriminator"]["mapping"]
    return tuple(tags)


EVENT_TYPES = _event_types()


def _named(key: str, model: Any) -> BeforeValidator:
    return BeforeValidator(
        lambda value: {key: value} if isinstance(value, str) else value,
        json_schema_input_type=str | model | None,
    )


class ToolUse(Part):
    """A tool that the mind calls. Arguments may have more keys than `with`."""

    name: str
    with_: Mapping[str, Any] = Field(default_factory=dict, alias="with")
    ok: bool | None = None
    result: Wording | None = Field(default=None, description="what the model reads of it")


class VerbUse(Part):
    """A verb that is done, by the plan or by somebody in the call, or refused."""

    name: str
    ok: bool | None = None
    status: int | None = None
    detail: Wording | None = None
    by: str | None = Field(default=None, description="dialplan, model, function:NAME, ...")


class Transfer(Part):
    """Somebody is dialled, or the caller's phone is told to dial them."""

    to: Text = Field(description="sip:sales@pbx.example, +44*, ...")
    result: Result | None = None


class Ending(Part):
    """How the call ends."""

    by: By | None = None
    status: int | None = None
    reason: Wording | None = None


class Happening(Part):
    """An event of the call: `type`, and any of its fields, as `sipagent.events` has them."""

    model_config = ConfigDict(frozen=True, extra="allow")
    type: str = Field(json_schema_extra={"enum": list(EVENT_TYPES)})

    @model_validator(mode="after")
    def _known(self) -> "Happening":
        if self.type not in EVENT_TYPES:
            hint = nearest(self.type, EVENT_TYPES) or f"the events: {', '.join(EVENT_TYPES)}"
            raise ValueError(f"there is no event {self.type} ({hint})")
        return self

    @property
    def fields(self) -> Mapping[str, Any]:
        """What is said of it."""
        return self.__pydantic_extra__ or {}


def _expected(value: Any) -> Any:
    """A bare text is heard."""
    if isinstance(value, str):
        return {"hears": value}
    return value


class Expectation(Part):
    """One thing that is to happen, after what the caller did last, in this order among its kind."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
    hears: Wording | None = Field(
        default=None, description="words of an agent, or of `say:`, that the caller hears"
    )
    from_: Who | None = Field(default=None, alias="from", description="who says what is heard")
    tool: Annotated[ToolUse | None, _named("name", ToolUse)] = None
    verb: Annotated[VerbUse | None, _named("name", VerbUse)] = None
    transfer: Annotated[Transfer | None, _named("to", Transfer)] = None
    denied: str | None = Field(default=None, description="a verb that policy refuses")
    event: Annotated[Happening | None, _named("type", Happening)] = None
    section: str | None = Field(default=None, description="a section that the plan reaches")
    step: str | None = Field(default=None, description="a step of an agent: context.step, or step")
    agent: str | None = Field(default=None, description="an agent that begins to talk")
    intent: str | None = Field(default=None, description="an intent that is acted on")
    variables: Mapping[str, Any] | None = Field(
        default=None, description="of the plan, by name; a.b reaches into one"
    )
    texted: Wording | None = Field(default=None, description="a text message that is sent")
    ended: Annotated[Ending | None, _named("by", Ending)] = None
    not_: Annotated["Expectation | None", BeforeValidator(_expected)] = Field(
        default=None, alias="not", description="what does not happen before the caller's next deed"
    )
    never: Annotated["Expectation | None", BeforeValidator(_expected)] = Field(
        default=None, description="what does not happen from here to the end of the call"
    )
    within_ms: int | None = Field(
        default=None, ge=0, description="from the end of what the caller did last"
    )
    patience: float | None = Field(default=None, gt=0, le=3600, description="seconds; default: 20")

    @model_validator(mode="after")
    def _one(self) -> "Expectation":
        given = self.subjects
        if len(given) != 1:
            found = " and ".join(given) or "nothing"
            raise ValueError(f"says {found}: an expectation is one of {', '.join(SUBJECTS)}")
        if self.from_ is not None and self.hears is None:
            raise ValueError("from belongs to hears")
        inner = self.not_ or self.never
        if inner is not None and (inner.not_ or inner.never):
            raise ValueError("what does not happen is plain: no not or never in it")
        if inner is not None and (inner.within_ms is not None or inner.patience is not None):
            raise ValueError("what does not happen has no time: leave out within_ms and patience")
        return self

    @property
    def subjects(self) -> list[str]:
        """What it is about: one word, in a sound one."""
        return [
            name
            for name in SUBJECTS
            if getattr(self, "not_" if name == "not" else name) is not None
        ]

    @property
    def subject(self) -> str:
        """What it is about."""
        return self.subjects[0]


def _listed(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else (value,)


_One = Annotated[Expectation, BeforeValidator(_expected, json_schema_input_type=str | Expectation)]
Expectations = Annotated[
    tuple[_One, ...],
    BeforeValidator(
        _listed, json_schema_input_type=str | Expectation | tuple[str | Expectation, ...]
    ),
    Field(min_length=1),
]
