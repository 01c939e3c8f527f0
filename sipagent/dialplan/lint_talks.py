"""Lint of what agents of a plan do together and in order: handing over, and their templates."""

from collections.abc import Callable, Iterator, Mapping

from sipagent.agent.afterwards.remembering import REMEMBER
from sipagent.agent.guiding.handing_over import HAND_OVER
from sipagent.agent.speaking.changing import CHANGE_LANGUAGE
from sipagent.agent.spec import AgentSpec
from sipagent.agent.steps.spec import Question
from sipagent.agent.steps.tools import OWN
from sipagent.errors import Finding
from sipagent.sources import KeyPath, Source, nearest

from .lint_mcp import foreign_functions
from .lint_reports import lint_reports
from .lint_steps import lint_steps

#: the mind that never speaks first
_INTENTS = "intents"
Agents = Mapping[str, AgentSpec]


def tools_of_its_own(agent: AgentSpec) -> frozenset[str]:
    """Tools that come with the keys of an agent and are not listed under `tools`."""
    own = set(OWN) if agent.contexts else set()
    if agent.hand_over:
        own.add(HAND_OVER)
    if agent.memory is not None:
        own.add(REMEMBER)
    if len(agent.languages) > 1:
        own.add(CHANGE_LANGUAGE)
    return frozenset(own)


def lint_talks(
    source: Source, agents: Agents, wrong_template: Callable[[str], str]
) -> Iterator[Finding]:
    """What would go wrong between agents, or in the words they are given."""
    for name, agent in agents.items():
        path: KeyPath = ("agents", name)
        yield from _hand_over(source, name, agents, path)
        yield from _handing_intents(source, agent, path)
        known = {*agent.tools, *tools_of_its_own(agent), *foreign_functions(agent)}
        yield from lint_steps(source, agent, known, path)
        if agent.memory is not None and agent.summary is None and _needs_model(agent):
            message = "a mind that goes by intents remembers nothing by itself"
            hint = "declare a summary, with a brain of its own: its words are remembered"
            yield source.finding((*path, "memory"), message, hint=hint, severity="warning")
        if agent.summary is not None and _needs_model(agent):
            message = "a mind that goes by intents writes no summary"
            hint = "name a language model: summary: {brain: {provider: ...}}"
            yield source.finding((*path, "summary"), message, hint=hint)
        yield from lint_reports(source, agent, path)
        for place, text in _authored(agent):
            if wrong := wrong_template(text):
                yield source.finding((*path, *place), f"not a JavaScript expression: {wrong}")


def _authored(agent: AgentSpec) -> Iterator[tuple[KeyPath, str]]:
    """Texts in which templates are filled."""
    yield ("prompt",), agent.prompt or ""
    yield ("greeting",), agent.greeting or ""
    if agent.reports is not None:
        yield ("reports", "post_prompt", "prompt"), agent.reports.post_prompt.prompt
    for name, context in agent.contexts.items():
        at: KeyPath = ("contexts", name)
        yield (*at, "prompt"), context.prompt or ""
        for index, step in enumerate(context.steps):
            place = (*at, "steps", index)
            yield (*place, "text"), step.text
            yield (*place, "say"), step.say or ""
    for place, question in questions(agent):
        yield (*place, "question"), question.question


def questions(agent: AgentSpec) -> Iterator[tuple[KeyPath, Question]]:
    """Every question of every form, and where it stands below the agent."""
    for name, context in agent.contexts.items():
        for index, step in enumerate(context.steps):
            asked = step.gather_info.questions if step.gather_info else ()
            for number, question in enumerate(asked):
                place = ("contexts", name, "steps", index, "gather_info", "questions", number)
                yield place, question


def _hand_over(source: Source, name: str, agents: Agents, path: KeyPath) -> Iterator[Finding]:
    for index, other in enumerate(agents[name].hand_over):
        place = (*path, HAND_OVER, index)
        if other == name:
            yield source.finding(place, f"{name} cannot hand over to itself")
        elif other not in agents:
            hint = nearest(other, agents)
            yield source.finding(place, f"there is no agent {other}", hint=hint)
        elif _is_silent(agents[other]):
            message = f"{other} would take over in silence: it has no greeting"
            yield source.finding(place, message, severity="warning")


def _is_silent(agent: AgentSpec) -> bool:
    return agent.brain[0].provider == _INTENTS and not (agent.greeting or agent.contexts)


def _needs_model(agent: AgentSpec) -> bool:
    minds = (agent.summary.brain if agent.summary is not None else None) or agent.brain
    return all(ref.provider == _INTENTS for ref in minds)


def _handing_intents(source: Source, agent: AgentSpec, path: KeyPath) -> Iterator[Finding]:
    if not agent.hand_over:
        return
    for name, intent in agent.intents.items():
        raw = (intent.do or {}).get(HAND_OVER, HAND_OVER)
        to = raw.get("agent") if isinstance(raw, Mapping) else raw
        if to != HAND_OVER and to not in agent.hand_over:
            place = (*path, "intents", name, "do", HAND_OVER)
            message = f"{to} is none of the agents it may hand over to"
            yield source.finding(place, message, hint=nearest(str(to), agent.hand_over))
