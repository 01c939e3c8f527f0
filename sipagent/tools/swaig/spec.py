"""SwaigSpec: the `SWAIG` object, read as the vendor reads it: liberally, with remarks."""

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from .gates import MOST_GATES, UNGATED, Gate

#: what a function may be called: what the SDKs accept, within what vendors of models accept
NAME = r"^[a-zA-Z_][a-zA-Z0-9_]{0,63}$"
#: called by the platform, never offered to the model
RESERVED = frozenset({"startup_hook", "hangup_hook", "summarize_conversation", "check_for_input"})
#: functions of one agent; of more the model would make nothing
MOST = 200


def _texts(value: Any) -> Any:
    """`{lang: text or texts}`, or texts for every language."""
    if isinstance(value, str | list | tuple):
        value = {"default": value}
    if isinstance(value, Mapping):
        return {k: (v,) if isinstance(v, str) else v for k, v in value.items()}
    return value


Texts = Annotated[
    Mapping[str, tuple[str, ...]],
    BeforeValidator(_texts, json_schema_input_type=Mapping[str, str | list[str]] | list[str] | str),
]


class SwaigPart(BaseModel):
    """Unknown keys are kept apart: they are remarked on, and nothing comes of them."""

    model_config = ConfigDict(frozen=True, extra="allow", populate_by_name=True)

    @property
    def unknown(self) -> tuple[str, ...]:
        """Keys nobody knows here."""
        return tuple(self.__pydantic_extra__ or ())


class Defaults(SwaigPart):
    """What functions have that do not say otherwise."""

    web_hook_url: str | None = Field(default=None, repr=False)
    web_hook_auth_user: str | None = None
    web_hook_auth_password: str | None = Field(default=None, repr=False)


class FunctionSpec(Defaults):
    """One function as it is declared. Its URL may hold user, password and a token: it is used as
    it stands, and told to nobody.
    """

    function: str = Field(
        pattern=NAME, validation_alias=AliasChoices("function", "name"), description="its name"
    )
    description: str = Field(
        default="",
        validation_alias=AliasChoices("description", "purpose"),
        description="what it is for: the model goes by this",
    )
    parameters: Mapping[str, Any] = Field(
        default_factory=dict,
        validation_alias=AliasChoices("parameters", "argument"),
        description="JSON schema of its arguments",
    )
    active: bool | int = Field(
        default=True, description="offered to the model; a number: so many times"
    )
    meta_data: Mapping[str, Any] = Field(
        default_factory=dict, description="sent with every request, and its to change"
    )
    meta_data_token: str | None = Field(
        default=None, description="functions of one token share metadata; default: by URL"
    )
    data_map: Mapping[str, Any] | None = Field(
        default=None, description="run here instead of asking a webhook"
    )
    fillers: Texts = Field(default_factory=dict, description="said while it runs, by language")
    skip_fillers: bool = Field(default=False, description="say none")
    wait_for_fillers: bool = Field(default=False, description="run it once one was heard")
    wait_file: str | None = Field(default=None, description="played while it runs")
    wait_file_loops: int | None = Field(default=None, ge=0, description="default: without an end")
    gates: tuple[Gate, ...] = Field(
        default=(),
        max_length=MOST_GATES,
        description="questions that a model has to answer with yes first; else the function is "
        "not run, and the `on_fail` of the first one is the result",
    )
    gate_fillers: Texts = Field(
        default_factory=dict, description="said, in place of `fillers`, from the gates on"
    )

    @model_validator(mode="after")
    def _gateable(self) -> Self:
        if self.gates and self.function in UNGATED:
            raise ValueError("gates are not for functions of the platform's own")
        names = [gate.id for gate in self.gates if gate.id]
        if len(names) != len(set(names)):
            raise ValueError("two gates have one id")
        return self


class Include(SwaigPart):
    """Functions that another server declares itself; asked for at the beginning of the talk."""

    url: str = Field(repr=False)
    functions: tuple[str, ...] = Field(default=(), description="default: all it has")
    meta_data: Mapping[str, Any] = Field(default_factory=dict)
    auth_user: str | None = None
    auth_password: str | None = Field(default=None, repr=False)


class SwaigSpec(SwaigPart):
    """The whole object. What is wrong in one function costs that one: `remarks` say why."""

    functions: tuple[FunctionSpec, ...] = ()
    defaults: Defaults = Defaults()
    includes: tuple[Include, ...] = ()
    native_functions: tuple[str, ...] = Field(
        default=(), description="functions of the server's own: check_time, wait_seconds, ..."
    )
    internal_fillers: Mapping[str, Texts] = Field(
        default_factory=dict, description="fillers of the agent's own tools, by tool and language"
    )
    mcp_servers: Any = Field(
        default=None, description="of SWML: an agent of ours has the key `mcp_servers` itself"
    )
    remarks: tuple[str, ...] = Field(default=(), exclude=True)

    @model_validator(mode="before")
    @classmethod
    def _whole(cls, data: Any) -> Any:
        """Read part by part, so that one that is wrong does not take the others with it."""
        if not isinstance(data, Mapping):
            return data
        known, remarks = dict(data), [str(text) for text in data.get("remarks") or ()]
        known["functions"] = _parts(FunctionSpec, data.get("functions"), "functions", remarks)
        known["includes"] = _parts(Include, data.get("includes"), "includes", remarks)
        return known | {"remarks": tuple(remarks)}

    @model_validator(mode="after")
    def _told(self) -> Self:
        if self.unknown:
            told = (*self.remarks, f"SWAIG: {', '.join(self.unknown)} mean nothing here")
            object.__setattr__(self, "remarks", tuple(dict.fromkeys(told)))
        return self


def _parts(kind: type[Any], value: Any, where: str, remarks: list[str]) -> tuple[Any, ...]:
    items = [value] if isinstance(value, Mapping) else value or ()
    if not isinstance(items, list | tuple):
        remarks.append(f"SWAIG.{where} is no list")
        return ()
    if len(items) > MOST:
        remarks.append(f"SWAIG.{where}: of {len(items)} only the first {MOST} are used")
    found = {}
    for index, item in enumerate(items[:MOST]):
        if isinstance(item, kind):
            part = item
        else:
            try:
                part = kind.model_validate(item)
            except ValidationError as error:
                remarks.append(f"SWAIG.{where}[{index}] is left out: {_first(error)}")
                continue
        name = part.function if isinstance(part, FunctionSpec) else index
        if part.unknown:
            remarks.append(f"SWAIG.{where}[{index}]: {', '.join(part.unknown)} mean nothing here")
        if name in found:
            remarks.append(f"SWAIG.{where}: {name} stands there twice; the last one counts")
        found[name] = part
    return tuple(found.values())


def _first(error: ValidationError) -> str:
    # never the value itself: it may be a URL with a password
    detail = error.errors(include_input=False, include_url=False)[0]
    where = ".".join(str(key) for key in detail["loc"])
    return f"{where}: {detail['msg']}" if where else str(detail["msg"])
