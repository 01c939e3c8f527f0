"""Verb: one thing that can be done to a call. Data first, deed second."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from .control import CallControl
    from .documents import Document


@dataclass(frozen=True, slots=True)
class Goto:
    """Go on at a label of the same section."""

    label: str


@dataclass(frozen=True, slots=True)
class Return:
    """Leave the section that runs, with a value."""

    value: Any = None


@dataclass(frozen=True, slots=True)
class Leave:
    """Leave the document for another section, looked for in `document` first, then in the plan;
    nothing comes back.
    """

    section: str
    document: "Document | None" = None


@dataclass(frozen=True, slots=True)
class End:
    """The plan is over: the call was hung up, or handed to someone else for good."""


Flow = Goto | Return | Leave | End


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a verb came out. `detail` is what the model reads and the log shows.

    `status` is the final SIP status where one was involved; `flow` says where the plan goes on
    when not at the next step; `ends_talk` tells an agent that its part in the call is over.
    """

    ok: bool = True
    detail: str = ""
    status: int | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    flow: Flow | None = None
    ends_talk: bool = False


class Verb(BaseModel):
    """A frozen model whose fields are the YAML keys, the API body and the tool schema.

    The class docstring is what the model reads; fields carry their own descriptions. `run` may
    raise CallError: `CallControl` turns it into a failed outcome.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
    name: ClassVar[str]
    #: the one key a bare scalar or list stands for (`sleep: 500` is `sleep: {duration: 500}`)
    shorthand: ClassVar[str | None] = None
    #: the one key that everything under the verb's name stands for, mappings too (`set`, `return`)
    whole: ClassVar[str | None] = None
    #: keys that templates are not expanded in before `run` (nested steps, conditions)
    raw_keys: ClassVar[frozenset[str]] = frozenset()
    #: True where the model may be offered this verb as a tool
    is_tool: ClassVar[bool] = False
    #: the keys the model is shown; None shows all
    tool_fields: ClassVar[tuple[str, ...] | None] = None
    #: keys a plan's own `do:` may add; harmless where a model guessed them
    tool_extras: ClassVar[tuple[str, ...]] = ()
    #: True where whatever is being said must have been played before this verb runs
    after_speech: ClassVar[bool] = False

    @property
    def targets(self) -> Sequence[str]:
        """Every destination this verb would reach; policy checks each, normalised."""
        return ()

    @property
    def taps(self) -> Sequence[str]:
        """Every URI this verb would send the call's audio to; policy checks each."""
        return ()

    @property
    def question(self) -> str:
        """What the caller is asked when policy wants their own yes first."""
        return f"Shall I go ahead with {self.name.replace('_', ' ')}?"

    @abstractmethod
    async def run(self, control: "CallControl") -> Outcome:
        """Do it, in the name of `control.by`."""
