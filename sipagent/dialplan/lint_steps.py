"""Lint of `contexts:`: names that lead nowhere, steps nobody reaches, tools nobody has."""

from collections.abc import Collection, Iterator, Sequence

from sipagent.agent.spec import AgentSpec
from sipagent.agent.steps.machine import Place, moves
from sipagent.agent.steps.spec import END_TALK, NEXT, NEXT_STEP, Context, GatherInfo, Step
from sipagent.errors import Finding
from sipagent.sources import KeyPath, Source, nearest


def lint_steps(
    source: Source, agent: AgentSpec, tools: Collection[str], path: KeyPath
) -> Iterator[Finding]:
    """Everything wrong with the contexts of one agent, which has these tools."""
    for name, context in agent.contexts.items():
        at: KeyPath = (*path, "contexts", name)
        names = [step.name for step in context.steps]
        yield from _known(source, context.valid_steps, [*names, NEXT], (*at, "valid_steps"), "step")
        yield from _contexts(source, agent, context, at)
        for index, step in enumerate(context.steps):
            place = (*at, "steps", index)
            yield from _step(source, agent, step, place, names=names, tools=tools)
    yield from _never_reached(source, agent, path)


def _step(
    source: Source,
    agent: AgentSpec,
    step: Step,
    at: KeyPath,
    *,
    names: Sequence[str],
    tools: Collection[str],
) -> Iterator[Finding]:
    yield from _known(source, step.valid_steps, [*names, NEXT], (*at, "valid_steps"), "step")
    yield from _contexts(source, agent, step, at)
    yield from _functions(source, step.functions, tools, (*at, "functions"))
    if step.gather_info is not None:
        yield from _form(source, step.gather_info, tools, names, (*at, "gather_info"))


def _contexts(
    source: Source, agent: AgentSpec, part: Context | Step, at: KeyPath
) -> Iterator[Finding]:
    yield from _known(
        source, part.valid_contexts, agent.contexts, (*at, "valid_contexts"), "context"
    )


def _form(
    source: Source, form: GatherInfo, tools: Collection[str], names: Sequence[str], at: KeyPath
) -> Iterator[Finding]:
    for key in ("completion_action", "failure_action"):
        action = getattr(form, key)
        known = [*names, NEXT_STEP, END_TALK]
        if action is not None:
            yield from _known(source, (action,), known, (*at, key), "step", listed=False)
    keys = [question.key for question in form.questions]
    for index, question in enumerate(form.questions):
        place = (*at, "questions", index)
        if question.key in keys[:index]:
            yield source.finding((*place, "key"), f"{question.key} is asked for above")
        yield from _functions(source, question.functions, tools, (*place, "functions"))


def _functions(
    source: Source, functions: Sequence[str] | None, tools: Collection[str], at: KeyPath
) -> Iterator[Finding]:
    for index, name in enumerate(functions or ()):
        if name not in tools:
            hint = nearest(name, tools) or f"add {name} to its tools"
            message = f"{name} is not permitted to this agent"
            yield source.finding((*at, index), message, hint=hint)


def _known(
    source: Source,
    wanted: Sequence[str],
    known: Collection[str],
    at: KeyPath,
    what: str,
    *,
    listed: bool = True,
) -> Iterator[Finding]:
    for index, name in enumerate(wanted):
        if name not in known:
            place = (*at, index) if listed else at
            hint = nearest(name, known)
            yield source.finding(place, f"there is no {what} {name} here", hint=hint)


def _never_reached(source: Source, agent: AgentSpec, path: KeyPath) -> Iterator[Finding]:
    """Steps no move and no form leads to. A webhook's action could, where there are functions of
    the user's own: so it is a warning.
    """
    table = moves(agent.contexts)
    reached = {Place(name, context.steps[0].name) for name, context in agent.contexts.items()}
    reached |= {place for following in table.values() for place in following}
    for name, context in agent.contexts.items():
        for step in context.steps:
            form = step.gather_info
            actions = (form.completion_action, form.failure_action) if form else ()
            reached |= {Place(name, action) for action in actions if action}
    for name, context in agent.contexts.items():
        for index, step in enumerate(context.steps):
            if Place(name, step.name) not in reached:
                at: KeyPath = (*path, "contexts", name, "steps", index)
                message = f"no step leads to {step.name}"
                yield source.finding(at, message, severity="warning")
