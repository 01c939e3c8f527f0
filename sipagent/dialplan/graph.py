"""Graph: where calls can go in a plan, from its routes to whom they are put through to. Pure."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from sipagent.agent.spec import AgentSpec
from sipagent.agent.steps.machine import moves
from sipagent.agent.steps.spec import END_TALK, NEXT_STEP, Context, first_of
from sipagent.agent.steps.spec import Step as TalkStep
from sipagent.call.step import Step
from sipagent.errors import PlanError
from sipagent.sources import KeyPath
from sipagent.verbs.blocks import Nesting
from sipagent.verbs.converse import AiVerb
from sipagent.verbs.documents import is_inline, is_url

from .drawn import Drawn, Edge, Node
from .model import Plan
from .routes import in_words
from .swml.ai import agent_of
from .swml.organs import Vocabulary

#: says in which line of the plan's file a key stands; 0 where nobody knows
Place = Callable[[KeyPath], int]
_LONGEST = 80
#: keys on the way to a branch that say nothing about when it is taken
_SILENT = ("result", "case", "branches")
#: keys of verbs that name a section, or a document
_LEADING = ("dest", "transfer_after_bridge", "fallback")


def graph(plan: Plan, place: Place = lambda path: 0, vocabulary: Vocabulary | None = None) -> Drawn:
    """The graph of a plan; `place` says in which lines its keys stand, `vocabulary` what minds
    there are for agents of SWML: without one these have no steps.
    """
    walk = _Walk(plan, place, vocabulary)
    walk.routes()
    for name, steps in plan.program.items():
        walk.section(name, steps)
    for name, spec in plan.agents.items():
        walk.agent(f"agent:{name}", name, spec, ("agents", name))
    return walk.drawn()


class _Walk:
    """One walk through a plan; what is met first is told first."""

    def __init__(self, plan: Plan, place: Place, vocabulary: Vocabulary | None) -> None:
        self._vocabulary = vocabulary
        self._inline = 0
        self._plan = plan
        self._place = place
        self._nodes: dict[str, Node] = {}
        self._edges: dict[Edge, None] = {}

    def drawn(self) -> Drawn:
        return Drawn(nodes=tuple(self._nodes.values()), edges=tuple(self._edges))

    def routes(self) -> None:
        for index, route in enumerate(self._plan.routes):
            self._node(f"route:{index}", "route", in_words(route), ("routes", index))
            self._edge(f"route:{index}", "section:main")
        if not self._plan.routes:
            self._node("route:rest", "route", "what no other plan takes")
            self._edge("route:rest", "section:main")

    def section(self, name: str, steps: Sequence[Step]) -> None:
        here = f"section:{name}"
        path: KeyPath = ("sections", name)
        if name == "main" and "swml" in self._plan.document:
            path = ("swml",)
        self._node(here, "section", name, path)
        for step, when in _steps(steps):
            self._step(here, step, when)

    def _step(self, here: str, step: Step, when: str) -> None:
        by = f"{when}: {step.verb.name}" if when else step.verb.name
        if issubclass(step.verb, AiVerb):
            self._talk(here, step, by)
            return
        for key in _LEADING:
            if (key != "fallback" or step.verb.name == "swml") and step.arguments.get(key):
                word = by if key == "dest" else f"{by}, {key.replace('_', ' ')}"
                self._edge(here, self._elsewhere(step.arguments[key]), word)
        if step.verb.name == "swml":
            self._edge(here, self._elsewhere(step.arguments.get("url")), by)
        confirm = step.arguments.get("confirm")
        if isinstance(confirm, str) and confirm in self._plan.program:
            self._edge(here, f"section:{confirm}", f"{by}, confirm")
        for party in _parties(step):
            self._edge(here, self._party(party), by)

    def _talk(self, here: str, step: Step, by: str) -> None:
        agent = step.arguments.get("agent")
        if isinstance(agent, str):
            known = agent in self._plan.agents
            self._edge(here, f"agent:{agent}" if known else self._elsewhere(agent), by)
            return
        self._inline += 1
        name = f"agent:#{self._inline}"
        self._nodes[name] = Node(id=name, kind="agent", label="ai", line=step.line)
        self._edge(here, name, by)
        with suppress(PlanError):  # the check says why there is none
            self.agent(name, "ai", agent_of(step.arguments, self._vocabulary).spec, None)

    def agent(self, here: str, label: str, spec: AgentSpec, path: KeyPath | None) -> None:
        """`path` is None for one of a document of SWML, whose keys are named otherwise."""
        if path is not None:
            self._node(here, "agent", label, path)
        if spec.fallback is not None:
            self._edge(here, self._elsewhere(spec.fallback), "fallback")
        for other in spec.hand_over:
            self._edge(here, f"agent:{other}", "hands over")
        for name, intent in spec.intents.items():
            for verb, value in (intent.do or {}).items():
                self._intended(here, verb, value, f"intent {name}")
        if spec.contexts:
            self._edge(here, _context(here, first_of(spec.contexts)), "begins")
            self._contexts(here, spec.contexts, path)

    def _intended(self, here: str, verb: str, value: Any, by: str) -> None:
        if verb == "hand_over":
            self._edge(here, f"agent:{value}", by)
            return
        arguments = value if isinstance(value, Mapping) else {"to": value}
        if verb in ("transfer", "connect") and arguments.get("dest"):
            self._edge(here, self._elsewhere(arguments["dest"]), by)
        elif verb in ("transfer", "connect") and isinstance(arguments.get("to"), str):
            self._edge(here, self._party(arguments["to"]), by)

    def _contexts(self, agent: str, contexts: Mapping[str, Context], path: KeyPath | None) -> None:
        for name, context in contexts.items():
            here = _context(agent, name)
            at = None if path is None else (*path, "contexts", name)
            self._node(here, "context", name, at)
            self._edge(here, f"{here}.{context.first}", "begins")
            for index, step in enumerate(context.steps):
                inside = None if at is None else (*at, "steps", index)
                self._node(f"{here}.{step.name}", "step", step.name, inside)
        for move, following in moves(contexts).items():
            here = _context(agent, move.context)
            for other in following:
                away = other.context != move.context
                there = _context(agent, other.context)
                self._edge(f"{here}.{move.step}", there if away else f"{there}.{other.step}")
        for name, context in contexts.items():
            for index, step in enumerate(context.steps):
                self._form(_context(agent, name), context, index, step)

    def _form(self, here: str, context: Context, index: int, step: TalkStep) -> None:
        """Where a form leads that is filled, or given up."""
        form = step.gather_info
        if form is None:
            return
        for action, word in ((form.completion_action, "filled"), (form.failure_action, "given up")):
            following = [after.name for after in context.steps[index + 1 : index + 2]]
            names = following if action == NEXT_STEP else [action]
            for name in names:
                if name is not None and name != END_TALK:
                    self._edge(f"{here}.{step.name}", f"{here}.{name}", word)

    def _elsewhere(self, dest: Any) -> str:
        """The node of a section, or of a document."""
        if isinstance(dest, str) and dest in self._plan.program:
            return f"section:{dest}"
        if is_inline(dest):
            label = "a document written out"
        else:
            label = _without_secrets(str(dest)) if is_url(dest) else str(dest)
        return self._node(f"document:{label}", "document", label)

    def _party(self, target: str) -> str:
        return self._node(f"party:{target[:_LONGEST]}", "party", target)

    def _node(self, name: str, kind: Any, label: str, path: KeyPath | None = None) -> str:
        line = self._place(path) if path is not None else 0
        self._nodes.setdefault(name, Node(id=name, kind=kind, label=label[:_LONGEST], line=line))
        return name

    def _edge(self, source: str, target: str, label: str = "") -> None:
        self._edges[Edge(source=source, target=target, label=label[:_LONGEST])] = None


def _steps(steps: Sequence[Step], when: str = "") -> Iterator[tuple[Step, str]]:
    """Every step with the condition under which it is reached, inner ones after their own."""
    for step in steps:
        yield step, when
        if not issubclass(step.verb, Nesting):
            continue
        for place in step.verb.blocks(step.arguments):
            node: Any = step.arguments
            words = [when] if when else []
            for key in place:
                if isinstance(node, Mapping) and key in ("then", "else"):
                    words.append(str(node.get("when", "")) if key == "then" else "else")
                elif key not in (*_SILENT, "then", "else") and isinstance(key, str):
                    words.append(key.replace("_", " "))
                node = node[key]
            inner = tuple(item for item in node if isinstance(item, Step))
            yield from _steps(inner, ", ".join(filter(None, words)))


def _parties(step: Step) -> Iterator[str]:
    """Whom a step rings, or where calls meet by it; while it waits for templates, as written."""
    if step.ready is not None:
        yield from step.ready.targets
        return
    arguments = step.arguments
    for key in ("to", "to_uri"):
        if isinstance(arguments.get(key), str):
            yield arguments[key]
    groups = [arguments.get(key) for key in ("serial", "parallel", "serial_parallel")]
    yield from _devices(groups)


def _devices(node: Any) -> Iterator[str]:
    if isinstance(node, Mapping) and isinstance(node.get("to"), str):
        yield node["to"]
    elif isinstance(node, list | tuple):
        for item in node:
            yield from _devices(item)


def _context(agent: str, name: str) -> str:
    return f"context:{agent.removeprefix('agent:')}.{name}"


def _without_secrets(url: str) -> str:
    """Scheme, host and path: what is before an `@` or after a `?` may be a password."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "an address that cannot be read"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
