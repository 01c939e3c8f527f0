"""The format of scenario files: what stands around a call, and what its caller does in it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from sipagent.agent.parts import Part
from sipagent.agent.protocols import Awaited

from .expectations import Expectations
from .patterns import Text

#: a bare word for how somebody behaves who is dialled
_MANNERS: Mapping[str, Mapping[str, Any]] = {
    "answers": {},
    "busy": {"status": 486, "answers_after": 0.5},
    "declines": {"status": 603},
    "no_answer": {"answers_after": None},
    "not_found": {"status": 404, "answers_after": 0.1},
    "unavailable": {"status": 480, "answers_after": 0.5},
}
#: what a caller does, one a step
DEEDS = ("says", "presses", "interrupts", "waits", "coughs", "writes", "hangs_up", "expects")


def _one_of(part: Part, names: tuple[str, ...]) -> None:
    given = [name for name in names if name in part.model_fields_set]
    if len(given) != 1:
        raise ValueError(f"says {' and '.join(given) or 'nothing'}: one of {', '.join(names)}")


def _bare(value: Any) -> Any:
    """`hangs_up` stands for `hangs_up: true`."""
    return {value: True} if isinstance(value, str) else value


class Act(Part):
    """What a party does once it has answered."""

    says: str = ""
    presses: Text = ""
    waits: float = Field(default=0.0, ge=0, le=3600, description="seconds")
    hangs_up: bool = False

    @model_validator(mode="after")
    def _one(self) -> "Act":
        _one_of(self, ("says", "presses", "waits", "hangs_up"))
        return self


def _manner(value: Any) -> Any:
    if isinstance(value, str):
        if value not in _MANNERS:
            known = ", ".join(_MANNERS)
            raise ValueError(f"{value!r} is no way to behave; the words are {known}")
        return _MANNERS[value]
    return value


class LegScript(Part):
    """How somebody behaves who is dialled, or one of the words answers, busy, declines, no_answer,
    not_found and unavailable.
    """

    rings_after: float | None = Field(
        default=0.1, ge=0, le=3600, description="seconds; null: never"
    )
    answers_after: float | None = Field(
        default=1.0, ge=0, le=3600, description="seconds from the INVITE; null: never"
    )
    status: int = Field(default=200, ge=200, le=699, description="from 300 on: refuses")
    then: tuple[
        Annotated[Act, BeforeValidator(_bare, json_schema_input_type=Literal["hangs_up"] | Act)],
        ...,
    ] = Field(default=(), description="what they do once they have answered, in order")


Leg = Annotated[LegScript, BeforeValidator(_manner, json_schema_input_type=str | LegScript)]


class Answer(Part):
    """One answer of a model: words, tools it calls, or a failure. A bare text is words."""

    when: str = Field(
        default="", description="a regular expression on what it answers to; else in order"
    )
    says: str = ""
    calls: Mapping[str, Mapping[str, Any] | None] = Field(
        default_factory=dict, description="tools with their arguments"
    )
    fails: str = Field(default="", description="why there is no answer")
    takes: float = Field(default=0.0, ge=0, le=600, description="seconds to the first word")
    awaits: Awaited = Field(default="speech", description="what the caller is to say next")


def _said(value: Any) -> Any:
    return {"says": value} if isinstance(value, str) else value


Answers = tuple[Annotated[Answer, BeforeValidator(_said, json_schema_input_type=str | Answer)], ...]


class MindScript(Part):
    """What minds answer that would need a network: by `answers`, shared by all of them, or for
    each agent by its name; or as they did when a `cassette` was recorded.
    """

    answers: Answers = ()
    agents: Mapping[str, Answers] = Field(default_factory=dict)
    cassette: str = Field(default="", description="a file beside this one")

    @model_validator(mode="after")
    def _one(self) -> "MindScript":
        if self.cassette and (self.answers or self.agents):
            raise ValueError("a cassette has all the answers: leave out answers and agents")
        return self


class Reply(Part):
    """What comes back from the web. Anything that has none of these keys is a JSON document."""

    status: int = Field(default=200, ge=100, le=599)
    json_: Any = Field(default=None, alias="json")
    text: str | None = None
    headers: Mapping[str, Text] = Field(default_factory=dict)
    takes: float = Field(default=0.05, ge=0, le=600, description="seconds")
    fails: str = Field(default="", description="no answer, for this reason")


_REPLY_KEYS = {field.alias or name for name, field in Reply.model_fields.items()}


def _reply(value: Any) -> Any:
    if isinstance(value, str):
        return {"text": value}
    if isinstance(value, Mapping) and value and not _REPLY_KEYS & value.keys():
        return {"json": value}
    return value


Replies = Annotated[
    tuple[Annotated[Reply, BeforeValidator(_reply, json_schema_input_type=Any)], ...],
    BeforeValidator(
        lambda value: value if isinstance(value, list | tuple) else (value,),
        json_schema_input_type=Any,
    ),
    Field(min_length=1),
]


class ToolReply(Part):
    """What a tool gives in place of being run."""

    result: Text = ""
    fails: str = Field(default="", description="what the model reads of its failure")
    takes: float = Field(default=0.0, ge=0, le=600, description="seconds")


class Around(Part):
    """What stands around a call."""

    dial: Text = Field(default="", description="the number called; default: the plan's first route")
    caller: Text = Field(default="sip:caller@example.com", description="who calls")
    at: Annotated[
        datetime | None, WithJsonSchema({"type": "string", "examples": ["2026-01-05 10:00"]})
    ] = Field(default=None, description="wall time in the settings' zone; default: a Monday, 10:00")
    headers: Mapping[str, Text] = Field(default_factory=dict, description="of the INVITE")
    trunk: str | None = Field(default=None, description="the trunk it comes by")
    variables: Mapping[str, Any] = Field(default_factory=dict, description="as the plan begins")
    legs: Mapping[str, Leg] = Field(
        default_factory=dict,
        description="by target (sip:sales@pbx.example, +44*): how they behave; others: 404",
    )
    mind: Annotated[
        MindScript,
        BeforeValidator(
            lambda value: {"answers": value} if isinstance(value, list) else value,
            json_schema_input_type=Answers | MindScript,
        ),
    ] = MindScript()
    web: Mapping[str, Replies] = Field(
        default_factory=dict,
        description="by URL (https://shop.example/*, POST https://...): what comes back; requests "
        "that none fits are refused, and fail the scenario",
    )
    tools: Mapping[
        str,
        Annotated[
            ToolReply,
            BeforeValidator(
                lambda value: {"result": value} if _flat(value) else value,
                json_schema_input_type=str | float | ToolReply,
            ),
        ],
    ] = Field(default_factory=dict, description="tools that are not run, and what they give")
    memory: Mapping[str, str] = Field(
        default_factory=dict, description="what agents remember of the caller, by agent"
    )
    patience: float = Field(default=20.0, gt=0, le=3600, description="seconds for what is expected")


def _flat(value: Any) -> bool:
    return isinstance(value, str | int | float)


class Interruption(Part):
    """The caller speaks or presses while somebody speaks to them."""

    after_ms: int = Field(default=1000, ge=0, le=60_000, description="of speech heard")
    says: str = ""
    presses: Text = ""
    coughs: bool = False

    @model_validator(mode="after")
    def _one(self) -> "Interruption":
        _one_of(self, ("says", "presses", "coughs"))
        return self


class Step(Part):
    """One thing the caller does, or what is expected of the call then."""

    says: str | None = Field(
        default=None, description="when nobody speaks to them; [900] in it is a pause of 900 ms"
    )
    presses: Text | None = Field(default=None, description="keys, when nobody speaks to them")
    interrupts: Annotated[
        Interruption | None,
        BeforeValidator(
            lambda value: {"says": value} if isinstance(value, str) else value,
            json_schema_input_type=str | Interruption | None,
        ),
    ] = None
    waits: float | None = Field(default=None, gt=0, le=3600, description="seconds")
    coughs: Literal[True] | None = Field(default=None, description="whoever speaks")
    writes: str | None = Field(default=None, description="a text message in the call")
    hangs_up: Literal[True] | None = None
    expects: Expectations | None = None
    at_once: bool = Field(
        default=False, description="with says or presses: whoever speaks, and unanswered so far"
    )

    @model_validator(mode="after")
    def _one(self) -> "Step":
        _one_of(self, DEEDS)
        if self.at_once and self.says is None and self.presses is None:
            raise ValueError("at_once belongs to says and presses")
        return self


class Scenario(Around):
    """A call: what is around it, and what its caller does, step by step."""

    name: str
    steps: tuple[
        Annotated[
            Step,
            BeforeValidator(_bare, json_schema_input_type=Literal["hangs_up", "coughs"] | Step),
        ],
        ...,
    ] = Field(min_length=1)
    live: bool = Field(default=True, description="false: not with --live")


class ScenarioFile(Part):
    """Scenarios for one plan."""

    plan: str = Field(
        default="", description="beside this file; default: menu.yaml for menu.test.yaml"
    )
    settings: Mapping[str, Any] = Field(
        default_factory=dict, description="keys of sipagent.yaml that hold here"
    )
    defaults: Around = Field(default=Around(), description="of every scenario here")
    scenarios: tuple[Scenario, ...] = Field(min_length=1)


def with_defaults(scenario: Scenario, defaults: Around) -> Scenario:
    """The scenario with what its file says of all; of mappings, its own keys stand."""
    changed: dict[str, Any] = {}
    for name in defaults.model_fields_set:
        common, own = getattr(defaults, name), getattr(scenario, name)
        if isinstance(common, Mapping):
            changed[name] = {**common, **own}
        elif name not in scenario.model_fields_set:
            changed[name] = common
    return scenario.model_copy(update=changed)
