"""Verbs that steer the plan itself: branches, subroutines, jumps, variables, pauses."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field

from sipagent.call.control import CallControl
from sipagent.call.verb import Goto, Leave, Outcome, Return, Verb
from sipagent.call.web import WebFailed
from sipagent.errors import PlanError
from sipagent.sources import KeyPath

from .blocks import (
    IGNORED,
    Block,
    Branch,
    Cases,
    Nesting,
    Result,
    branch_blocks,
    case_blocks,
    result_blocks,
)
from .documents import Dest, destination
from .flow import (
    broken,
    planned,
    remember,
    run_block,
    run_branches,
    run_cases,
    run_result,
    run_section,
    truthy,
)
from .waiting import while_caller_stays

#: why the document of the newest `execute` could not be had, where it could not
EXECUTE_FAILED = "execute_failed_reason"


class CondVerb(Nesting):
    """Run the steps of the first branch whose condition holds."""

    name: ClassVar[str] = "cond"
    shorthand: ClassVar[str | None] = "branches"
    raw_keys: ClassVar[frozenset[str]] = frozenset({"branches"})
    branches: tuple[Branch, ...]

    @classmethod
    def blocks(cls, arguments: Mapping[str, Any]) -> Iterator[KeyPath]:
        """`then` and `else` of every branch."""
        return branch_blocks(arguments.get("branches"), ("branches",))

    async def run(self, control: CallControl) -> Outcome:
        """Find the branch and run it."""
        try:
            return await run_branches(control, self.branches)
        except PlanError as error:
            return broken(control.call, error)


class SwitchVerb(Cases, Nesting):
    """Run the steps that stand under a variable's value."""

    name: ClassVar[str] = "switch"
    raw_keys: ClassVar[frozenset[str]] = frozenset({"variable", "case", "default"})
    variable: str = Field(description="a path such as vars.choice")

    @classmethod
    def blocks(cls, arguments: Mapping[str, Any]) -> Iterator[KeyPath]:
        """Every case and the default."""
        return case_blocks(arguments, ())

    async def run(self, control: CallControl) -> Outcome:
        """Find the case and run it."""
        try:
            return await run_cases(control, self, self.variable)
        except PlanError as error:
            return broken(control.call, error)


class ExecuteVerb(Nesting):
    """Run a section or another document and come back; what it returned is in `return_value`."""

    name: ClassVar[str] = "execute"
    shorthand: ClassVar[str | None] = "dest"
    raw_keys: ClassVar[frozenset[str]] = frozenset({"dest", "on_return", "result"})
    dest: Dest
    params: Mapping[str, Any] = Field(default_factory=dict, description="seen there as params.*")
    meta: Annotated[Mapping[str, Any] | None, IGNORED] = None
    on_return: Block = ()
    result: Result | None = None

    @classmethod
    def blocks(cls, arguments: Mapping[str, Any]) -> Iterator[KeyPath]:
        """`on_return`, and the branches of `result`."""
        if "on_return" in arguments:
            yield ("on_return",)
        yield from result_blocks(arguments.get("result"), ("result",))

    async def run(self, control: CallControl) -> Outcome:
        """Run it with its own params, then branch on what it returned."""
        here, scope = planned(control), control.call.scope
        scope["vars"].pop(EXECUTE_FAILED, None)
        try:
            section, document = await destination(here, self.dest, self.params)
        except (PlanError, WebFailed) as error:
            remember(control.call, **{"return_value": None, EXECUTE_FAILED: str(error)})
            return Outcome(False, str(error), status=error.status)
        before, scope["params"] = scope["params"], dict(self.params)
        below = replace(here, depth=here.depth + 1, document=document)
        outcome = await run_section(below, section)
        if not isinstance(outcome.flow, Leave):
            scope["params"] = before
        flow = outcome.flow
        if flow is not None and not isinstance(flow, Return):
            return outcome
        remember(control.call, return_value=flow.value if flow else None)
        outcome = await run_block(here, self.on_return)
        if outcome.flow is not None:
            return outcome
        try:
            return await run_result(here, self.result, "return_value")
        except PlanError as error:
            return broken(control.call, error)


class ReturnVerb(Verb):
    """Leave the section with a value; at the top, end the plan."""

    name: ClassVar[str] = "return"
    whole: ClassVar[str | None] = "value"
    value: Any = None

    async def run(self, control: CallControl) -> Outcome:
        """Say where the plan goes on."""
        return Outcome(flow=Return(self.value))


class GotoVerb(Verb):
    """Go on at a label of the same section."""

    name: ClassVar[str] = "goto"
    shorthand: ClassVar[str | None] = "label"
    raw_keys: ClassVar[frozenset[str]] = frozenset({"when"})
    label: str
    when: str | None = Field(default=None, description="a JavaScript condition")
    max: int = Field(default=100, ge=0, le=100, description="jumps from here in one call")

    async def run(self, control: CallControl) -> Outcome:
        """Jump, unless the condition does not hold or it was done often enough."""
        here, call = planned(control), control.call
        try:
            if self.when is not None and not truthy(
                call.services.expressions.evaluate(self.when, call.scope)
            ):
                return Outcome(detail="the condition does not hold")
        except PlanError as error:
            return broken(call, error)
        if here.walked.jumps[here.place] >= self.max:
            return Outcome(detail=f"jumped {self.max} times already")
        here.walked.jumps[here.place] += 1
        return Outcome(flow=Goto(self.label))


class LabelVerb(Verb):
    """A place that goto can name."""

    name: ClassVar[str] = "label"
    shorthand: ClassVar[str | None] = "label"
    raw_keys: ClassVar[frozenset[str]] = frozenset({"label"})
    label: str

    async def run(self, control: CallControl) -> Outcome:
        """Nothing is done here."""
        return Outcome()


class SetVerb(Verb):
    """Set variables of the plan."""

    name: ClassVar[str] = "set"
    whole: ClassVar[str | None] = "values"
    values: Mapping[str, Any]

    async def run(self, control: CallControl) -> Outcome:
        """Set them all."""
        remember(control.call, **self.values)
        return Outcome()


class UnsetVerb(Verb):
    """Remove variables of the plan."""

    name: ClassVar[str] = "unset"
    shorthand: ClassVar[str | None] = "names"
    names: Annotated[tuple[str, ...], BeforeValidator(lambda v: (v,) if isinstance(v, str) else v)]

    async def run(self, control: CallControl) -> Outcome:
        """Remove those that are set."""
        for name in self.names:
            control.call.scope["vars"].pop(name.removeprefix("vars."), None)
        return Outcome()


class SleepVerb(Verb):
    """Wait."""

    name: ClassVar[str] = "sleep"
    shorthand: ClassVar[str | None] = "duration"
    duration: int = Field(ge=0, le=3_600_000, description="milliseconds")

    async def run(self, control: CallControl) -> Outcome:
        """Wait that long, or until the caller hangs up."""
        await while_caller_stays(control.call, asyncio.sleep(self.duration / 1000))
        return Outcome()


LOGIC: tuple[type[Verb], ...] = (
    CondVerb,
    SwitchVerb,
    ExecuteVerb,
    ReturnVerb,
    GotoVerb,
    LabelVerb,
    SetVerb,
    UnsetVerb,
    SleepVerb,
)
