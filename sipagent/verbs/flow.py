"""The plan runner: walks steps, follows jumps, and bounds what a plan may overdo."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sipagent.call.control import CallControl
from sipagent.call.documents import Document
from sipagent.call.session import CallSession
from sipagent.call.step import Step
from sipagent.call.verb import End, Goto, Leave, Outcome
from sipagent.errors import PlanError
from sipagent.events import StepStarted, Warned

from .blocks import Branch, Cases, Result, as_key

MAX_STEPS = 10_000
MAX_DEPTH = 32


@dataclass(slots=True)
class Walked:
    """What one run of a plan has used up: steps in all, and jumps by the place of each goto."""

    steps: int = 0
    jumps: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class PlanControl(CallControl):
    """A control that knows where in a plan it stands."""

    walked: Walked = field(default_factory=Walked)
    section: str = "main"
    #: `main[3]`: the step that runs
    place: str = "main"
    depth: int = 0
    #: what runs when it is not the plan itself; its sections are found first
    document: Document | None = None

    def steps_of(self, section: str) -> "tuple[Document | None, Sequence[Step] | None]":
        """Where a section is found, and its steps; None where there is no such section."""
        if self.document is not None and section in self.document.program:
            return self.document, self.document.program[section]
        return None, self.call.program.get(section)


def planned(control: CallControl) -> PlanControl:
    """`control` as one that can walk steps; a new walk where none is under way."""
    if isinstance(control, PlanControl):
        return control
    return PlanControl(
        control.call, control.policies, control.by, control.allowed, control.presence
    )


async def run_plan(control: CallControl) -> Outcome:
    """Walk the plan from `main` to its end; follows `transfer` to other sections.

    Returns how it ended: failed where the plan is broken (a Warned event says why) or the
    caller has left. The caller is not hung up here. Cancelling leaves no leg behind.
    """
    return await run_from(control, "main")


async def run_from(control: CallControl, section: str) -> Outcome:
    """Run a section, and whatever `transfer` leads to from there, to the end."""
    here = planned(control)
    while True:
        outcome = await run_section(here, section)
        if not isinstance(outcome.flow, Leave):
            return outcome
        section = outcome.flow.section
        here = replace(here, document=outcome.flow.document)


def leaving(control: CallControl, section: str) -> Leave:
    """The way to a section, from wherever this control stands."""
    return Leave(section, planned(control).document)


async def run_section(control: CallControl, name: str) -> Outcome:
    """Run one section. The outcome's flow is None at its end, or Return, Leave or End."""
    here = planned(control)
    document, steps = here.steps_of(name)
    if steps is None:
        return broken(here.call, PlanError(f"there is no section {name!r}"))
    if here.depth > MAX_DEPTH:
        return broken(here.call, PlanError(f"sections nested deeper than {MAX_DEPTH} at {name!r}"))
    place = name if document is None else f"{document.name}#{name}"
    here = replace(here, section=name, place=place, document=document)
    outcome = await run_block(here, steps)
    if isinstance(outcome.flow, Goto):
        wrong = PlanError(f"there is no label {outcome.flow.label!r} in section {name!r}")
        return broken(here.call, wrong)
    return outcome


async def run_block(control: CallControl, steps: Sequence[Step]) -> Outcome:
    """Run steps in order. A failed verb does not end them; its outcome's flow may.

    A Goto to a label that is not among these steps is handed up to whoever holds the block.
    """
    here = planned(control)
    labels = {
        step.arguments["label"]: index
        for index, step in enumerate(steps)
        if step.verb.name == "label"
    }
    index = 0
    while index < len(steps):
        outcome = await _step(here, index, steps[index])
        flow = outcome.flow
        if here.call.deserted:
            return Outcome(False, "the caller hung up", flow=End())
        if isinstance(flow, Goto) and flow.label in labels:
            index = labels[flow.label] + 1
        elif flow is not None:
            return outcome
        else:
            index += 1
    return Outcome()


async def _step(here: PlanControl, index: int, step: Step) -> Outcome:
    call = here.call
    call.emit(
        StepStarted,
        section=here.section,
        index=index,
        verb=step.named or step.verb.name,
        line=step.line,
        document=here.document.name if here.document is not None else "",
        agent=_agent(step),
    )
    here.walked.steps += 1
    if here.walked.steps > MAX_STEPS:
        return broken(call, PlanError(f"more than {MAX_STEPS} steps in one call"))
    try:
        verb = step.bind(lambda value: call.services.expressions.expand(value, call.scope))
    except PlanError as error:
        return broken(call, located(here, error))
    return await replace(here, place=f"{here.place}[{index}]").do(verb)


def _agent(step: Step) -> str:
    """Who talks in this step; one that an expression picks is not known yet."""
    named = step.arguments.get("agent")
    return named if isinstance(named, str) and "$" not in named else ""


def located(here: PlanControl, error: PlanError) -> PlanError:
    """The error with the document it is in, where that is not the plan."""
    if here.document is None:
        return error
    return PlanError(f"{here.document.name}: {here.section}: {error}")


def broken(call: CallSession, error: PlanError) -> Outcome:
    """The plan cannot go on: put that on record and end it."""
    call.emit(Warned, code="plan_error", detail=str(error))
    return Outcome(False, str(error), status=error.status, flow=End())


async def run_branches(control: CallControl, branches: Sequence[Branch]) -> Outcome:
    """Run the first branch whose condition holds. Raises PlanError for a broken condition."""
    call = control.call
    for branch in branches:
        if branch.when is None:
            return await run_block(control, branch.otherwise or branch.then)
        if truthy(call.services.expressions.evaluate(branch.when, call.scope)):
            return await run_block(control, branch.then)
        if branch.otherwise:
            return await run_block(control, branch.otherwise)
    return Outcome()


async def run_cases(control: CallControl, cases: Cases, variable: str) -> Outcome:
    """Run the case whose key is the variable's value, or the default. Raises PlanError."""
    call, template = control.call, variable
    if "${" not in variable and "%{" not in variable:
        template = f"${{{variable}}}"
    value = call.services.expressions.expand(template, call.scope)
    return await run_block(control, cases.case.get(as_key(value), cases.default))


async def run_result(control: CallControl, result: Result | None, variable: str) -> Outcome:
    """Branch on a verb's result; `variable` is the one a switch looks at by default."""
    if result is None:
        return Outcome()
    if isinstance(result, Cases):
        return await run_cases(control, result, result.variable or variable)
    return await run_branches(control, result)


def truthy(value: Any) -> bool:
    """Truth as JavaScript sees it, for values that went through JSON."""
    return bool(value) or isinstance(value, list | dict)


def remember(call: CallSession, **values: Any) -> None:
    """Set variables of the plan (`vars.*`)."""
    call.scope["vars"].update(values)
