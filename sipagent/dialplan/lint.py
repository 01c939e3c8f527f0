"""Lint: what is wrong or doubtful in a plan that reads well, before any caller meets it."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise

from sipagent.agent.spec import ProviderRef
from sipagent.call.policy import OUTBOUND_MINUTES, Policy
from sipagent.call.privacy import NOTHING, Privacy
from sipagent.errors import Finding, PlanError
from sipagent.sources import KeyPath, Source, nearest
from sipagent.tools.mcp.spec import Offer
from sipagent.tools.toolbox import Toolbox
from sipagent.verbs import VERBS
from sipagent.verbs.blocks import Ignored
from sipagent.verbs.converse import AiVerb
from sipagent.verbs.documents import is_inline, is_url

from .expressions import JavaScript, expressions_in, has_template
from .lint_agents import AgentLint, IntentProblems, ProviderProblem
from .lint_mcp import lint_mcp, may_be_foreign
from .lint_privacy import lint_privacy
from .lint_swml import lint_swml
from .lint_talks import lint_talks
from .lint_web import WebProblem, lint_web
from .load import Reading, examine
from .model import Plan
from .steps import PlacedStep
from .strings import strings_in
from .swml.organs import Vocabulary
from .targets import targets_refused

#: verbs after which the next step of a block is never reached
_LAST = frozenset({"hangup", "return"})


@dataclass(frozen=True, slots=True)
class House:
    """What a plan may refer to. None where that is not known: then it is not checked."""

    toolbox: Toolbox = field(default_factory=lambda: Toolbox({}, VERBS))
    providers: Collection[str] | None = None
    trunks: Collection[str] | None = None
    phones: Collection[str] | None = None
    #: what holds beside the plan's own, as sipagent.yaml may say
    privacy: Privacy = NOTHING
    #: policies that bound this plan's own, as sipagent.yaml may
    policies: Sequence[Policy] = ()
    #: of some phrases, the words the embedded ears do not know
    unknown_words: Callable[[Sequence[str]], Sequence[str]] | None = None
    #: what is wrong with declared intents, and where, from the intent's name on
    intent_problems: IntentProblems | None = None
    #: what models and voices of SWML documents are here
    vocabulary: Vocabulary | None = None
    #: why an agent's mind cannot be made, or ""
    provider_problem: ProviderProblem | None = None
    #: of a mind that hears and speaks by itself, whether it writes down what it hears at once
    writes_itself: Callable[[ProviderRef], bool | None] | None = None
    #: MCP servers that plans may name
    mcp_servers: Mapping[str, Offer] | None = None
    web_problem: WebProblem | None = None


def check(
    source: Source, house: House, name: str | None = None, *, foreign: bool = False
) -> tuple[Plan | None, list[Finding]]:
    """Read and lint a document; `foreign` as in `examine`. The plan is None where any finding is
    an error.
    """
    reading = examine(source, name, foreign=foreign)
    findings = [*reading.findings, *lint(reading, house)]
    findings.sort(key=lambda finding: (finding.line, finding.column))
    broken = any(finding.severity == "error" for finding in findings)
    return None if broken else reading.plan, findings


def lint(reading: Reading, house: House) -> Iterator[Finding]:
    """Everything beyond reading; nothing where the document could not be read."""
    plan = reading.plan
    if plan is None:
        return
    yield from _ignored_keys(reading)
    yield from _expressions(reading)
    yield from _labels(reading)
    yield from _sections(reading, plan)
    yield from _never_reached(reading)
    yield from _agents_named(reading, plan)
    yield from _step_targets(reading, plan, house)
    yield from _policy_words(reading, plan)
    yield from _routes(reading, plan, house)
    yield from lint_web(reading, plan, house.web_problem)
    yield from lint_privacy(reading, plan, house.privacy)
    yield from AgentLint(
        reading.source,
        house.toolbox,
        (plan.policy, *house.policies),
        house.providers,
        house.unknown_words,
        house.intent_problems,
        house.provider_problem,
        house.phones,
        house.writes_itself,
    ).all(plan.agents)
    yield from lint_swml(reading, house.vocabulary)
    yield from lint_mcp(reading.source, plan.agents, house.mcp_servers)
    yield from lint_talks(reading.source, plan.agents, _wrong_template)


def _ignored_keys(reading: Reading) -> Iterator[Finding]:
    for step in reading.steps:
        for name, info in step.verb.model_fields.items():
            key = info.alias or name
            if key in step.arguments and any(isinstance(m, Ignored) for m in info.metadata):
                message = f"{step.verb.name} takes {key} but does nothing with it here"
                yield _warning(reading, step.at(key), message)


def _expressions(reading: Reading) -> Iterator[Finding]:
    engine = JavaScript()
    for step in reading.steps:
        if issubclass(step.verb, AiVerb):
            continue  # its templates speak of the conversation
        blocks = _blocks(step)
        for path, text in strings_in(step.arguments):
            if any(path[: len(block)] == block for block in blocks):
                continue  # a nested step, looked at by itself
            condition = path[-1] == "when" and path[0] in step.verb.raw_keys
            wrong = engine.check(text) if condition else _wrong_template(text, engine)
            if wrong:
                message = f"not a JavaScript expression: {wrong}"
                yield reading.source.finding(step.at(*path), message)


def _wrong_template(text: str, engine: JavaScript | None = None) -> str:
    engine = engine or JavaScript()
    if not has_template(text):
        return ""
    try:
        return next(filter(None, map(engine.check, expressions_in(text))), "")
    except PlanError as error:
        return str(error)


def _blocks(step: PlacedStep) -> list[KeyPath]:
    find = getattr(step.verb, "blocks", None)
    return list(find(step.arguments)) if find is not None else []


def _labels(reading: Reading) -> Iterator[Finding]:
    for section, group in groupby(reading.steps, key=lambda step: step.section):
        steps = list(group)
        labels = [s for s in steps if s.verb.name == "label"]
        known = {str(s.arguments["label"]) for s in labels}
        for step in steps:
            label = str(step.arguments.get("label", ""))
            if step.verb.name == "goto" and label not in known and not has_template(label):
                message = f"there is no label {label} in section {section}"
                yield reading.source.finding(step.path, message, hint=nearest(label, known))


def _destinations(reading: Reading, plan: Plan) -> Iterator[tuple[KeyPath, str]]:
    """Every place that names a section."""
    for step in reading.steps:
        for key in ("dest", "transfer_after_bridge"):
            dest = step.arguments.get(key)
            if isinstance(dest, str) and not (is_url(dest) or is_inline(dest)):
                yield step.at(key), dest
        for path, text in strings_in(step.arguments):
            if path[-1] == "confirm" and text in plan.program:
                yield step.at(*path), text
        fallback = step.arguments.get("fallback") if step.verb.name == "swml" else None
        if isinstance(fallback, str):
            yield step.at("fallback"), fallback
    document = plan.document.get("swml")
    if isinstance(document, Mapping) and isinstance(document.get("fallback"), str):
        yield ("swml", "fallback"), document["fallback"]
    for name, agent in plan.agents.items():
        if agent.fallback is not None:
            yield ("agents", name, "fallback"), agent.fallback


def _sections(reading: Reading, plan: Plan) -> Iterator[Finding]:
    reached = {"main"}
    open_ended = False
    for path, dest in _destinations(reading, plan):
        open_ended = open_ended or has_template(dest)
        if has_template(dest) or dest in plan.program:
            reached.add(dest)
            continue
        hint = nearest(dest, plan.program)
        if "://" in dest:
            hint = "documents are fetched from http and https URLs"
        yield reading.source.finding(path, f"there is no section {dest}", hint=hint)
    for section in plan.program.keys() - reached if not open_ended else ():
        yield _warning(reading, ("sections", section), "nothing leads to this section")


def _never_reached(reading: Reading) -> Iterator[Finding]:
    blocks = groupby(sorted(reading.steps, key=_block_order), key=lambda step: step.block)
    for _, group in blocks:
        steps = list(group)
        for step, following in pairwise(steps):
            leaves = step.verb.name == "transfer" and "dest" in step.arguments
            if (step.verb.name in _LAST or leaves) and following.verb.name != "label":
                message = f"never reached: it stands after {step.verb.name}"
                yield _warning(reading, following.path, message)


def _block_order(step: PlacedStep) -> tuple[str, int]:
    return repr(step.block), step.index


def _agents_named(reading: Reading, plan: Plan) -> Iterator[Finding]:
    for step in reading.steps:
        agent = step.arguments.get("agent") if step.verb.name == "ai" else None
        if isinstance(agent, str) and agent not in plan.agents and not has_template(agent):
            hint = nearest(agent, plan.agents) or "agents are declared under agents:"
            yield reading.source.finding(step.path, f"there is no agent {agent}", hint=hint)


def _step_targets(reading: Reading, plan: Plan, house: House) -> Iterator[Finding]:
    for step in reading.steps:
        if step.step.ready is not None:
            policies = (plan.policy, *house.policies)
            yield from targets_refused(
                reading.source, step.step.ready, step.path, policies, house.phones
            )


def _policy_words(reading: Reading, plan: Plan) -> Iterator[Finding]:
    named = {
        "limits": set(plan.policy.limits) - {OUTBOUND_MINUTES},
        "confirm": set(plan.policy.confirm),
        "hours": set(plan.policy.hours),
    }
    for key, verbs in named.items():
        for verb in sorted(verbs - VERBS.keys()):
            if any(may_be_foreign(agent, verb) for agent in plan.agents.values()):
                continue
            path = ("policy", key) if key == "confirm" else ("policy", key, verb)
            yield reading.source.finding(path, f"unknown verb {verb}", hint=nearest(verb, VERBS))


def _routes(reading: Reading, plan: Plan, house: House) -> Iterator[Finding]:
    for index, route in enumerate(plan.routes):
        path: KeyPath = ("routes", index)
        if route in plan.routes[:index]:
            yield reading.source.finding(path, "the same route stands above")
        if route.when and all(w.start == w.end or not w.days for w in route.when):
            yield reading.source.finding((*path, "when"), "can never match: no time is inside")
        if route.trunk and house.trunks is not None and route.trunk not in house.trunks:
            hint = nearest(route.trunk, house.trunks)
            message = f"can never match: there is no trunk {route.trunk}"
            yield reading.source.finding((*path, "trunk"), message, hint=hint)


def _warning(reading: Reading, path: KeyPath, message: str) -> Finding:
    return reading.source.finding(path, message, severity="warning")
