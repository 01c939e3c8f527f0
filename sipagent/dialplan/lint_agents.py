"""Lint of `agents:`: tools, intents, phrases and providers."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jsonschema import Draft202012Validator

from sipagent.agent.spec import AgentSpec, Intent, ProviderRef
from sipagent.call.policy import Policy
from sipagent.errors import Finding
from sipagent.sources import KeyPath, Source, nearest
from sipagent.tools.spec import ToolSpec
from sipagent.tools.toolbox import Toolbox
from sipagent.tools.verbs import checked
from sipagent.verbs import VERBS

from .lint_mcp import may_be_foreign
from .lint_talks import questions, tools_of_its_own
from .targets import targets_refused

#: ears that know no word but those of the phrases, the mind that goes by intents, and none at all
_GRAMMAR, _INTENTS, _ECHO = "grammar", "intents", "echo"
#: why the brain, ears or voice (the role) of an agent cannot be made as the plan says, or nothing
ProviderProblem = Callable[[str, AgentSpec, ProviderRef], str]
#: what is wrong with declared intents, and where, from the intent's name on
IntentProblems = Callable[[Mapping[str, Intent]], Sequence[tuple[KeyPath, str]]]


@dataclass(frozen=True, slots=True)
class AgentLint:
    """Looks at one document's agents. What is None is not known here, and not checked."""

    source: Source
    toolbox: Toolbox
    policies: Sequence[Policy]
    providers: Collection[str] | None = None
    unknown_words: Callable[[Sequence[str]], Sequence[str]] | None = None
    intent_problems: IntentProblems | None = None
    provider_problem: ProviderProblem | None = None
    phones: Collection[str] | None = None
    writes_itself: Callable[[ProviderRef], bool | None] | None = None

    def all(self, agents: Mapping[str, AgentSpec]) -> Iterator[Finding]:
        """Everything wrong with any of them."""
        for name, agent in agents.items():
            path: KeyPath = ("agents", name)
            yield from self._tools(agent, path)
            yield from self._providers(agent, path)
            yield from self._mind(agent, path)
            yield from self._choices(agent, path)
            yield from self._speaking(agent, path)
            for intent_name, intent in agent.intents.items():
                yield from self._intent(agent, intent, (*path, "intents", intent_name))

    def _tools(self, agent: AgentSpec, path: KeyPath) -> Iterator[Finding]:
        for index, name in enumerate(agent.tools):
            if wrong := self.toolbox.wrong(name):
                yield self.source.finding((*path, "tools", index), wrong)
        for remark in () if agent.swaig is None else agent.swaig.remarks:
            yield self.source.finding((*path, "swaig"), remark, severity="warning")

    def _providers(self, agent: AgentSpec, path: KeyPath) -> Iterator[Finding]:
        for role in ("brain", "ears", "voice"):
            refs: tuple[ProviderRef, ...] = getattr(agent, role)
            for index, ref in enumerate(refs):
                place: KeyPath = (*path, role, index) if len(refs) > 1 else (*path, role)
                yield from self._provider(agent, role, ref, place)
        for index, language in enumerate(agent.languages):
            if language.provider is not None:
                own = ProviderRef(provider=language.provider)
                yield from self._provider(agent, "voice", own, (*path, "languages", index))
        for ref in (agent.summary.brain or ()) if agent.summary is not None else ():
            yield from self._provider(agent, "brain", ref, (*path, "summary", "brain"))
        for ref in (agent.reports.post_prompt.brain or ()) if agent.reports is not None else ():
            place = (*path, "reports", "post_prompt", "brain")
            yield from self._provider(agent, "brain", ref, place)

    def _provider(
        self, agent: AgentSpec, role: str, ref: ProviderRef, place: KeyPath
    ) -> Iterator[Finding]:
        name = ref.provider
        if self.providers is not None and name not in self.providers:
            hint = nearest(name, self.providers) or f"known: {', '.join(self.providers)}"
            yield self.source.finding(place, f"there is no provider {name}", hint=hint)
        elif name == _ECHO:
            if role != "brain" or len(agent.brain) > 1:
                message = "echo is a brain of its own, and no other stands beside it"
                yield self.source.finding(place, message)
        elif self.provider_problem and (wrong := self.provider_problem(role, agent, ref)):
            yield self.source.finding(place, wrong)

    def _mind(self, agent: AgentSpec, path: KeyPath) -> Iterator[Finding]:
        if _uses(agent.brain, _INTENTS):
            if not agent.intents and not agent.contexts:
                message = "an agent whose brain goes by intents needs intents"
                yield self.source.finding(path, message)
            for place, message in (
                self.intent_problems(agent.intents) if self.intent_problems else ()
            ):
                yield self.source.finding((*path, "intents", *place), message)
        if self._deaf(agent):
            message = "the embedded ears hear declared phrases only, and there are none"
            hint = "list under intents what callers may say"
            yield self.source.finding(path, message, hint=hint, severity="warning")

    def _choices(self, agent: AgentSpec, path: KeyPath) -> Iterator[Finding]:
        """What a form's choices ask of ears that know declared words only."""
        if self.unknown_words is None or not _uses(agent.ears, _GRAMMAR):
            return
        for place, question in questions(agent):
            if words := self.unknown_words(question.choices):
                message = f"the embedded ears do not know: {', '.join(words)}"
                hint = "say it in other words, or use other ears"
                yield self.source.finding((*path, *place, "choices"), message, hint=hint)

    def _deaf(self, agent: AgentSpec) -> bool:
        """A mind that needs words, and ears that were told none."""
        declared = any(intent.phrases for intent in agent.intents.values())
        if any(self._writes_itself(ref) is not None for ref in agent.brain):
            return False
        only_grammar = all(ref.provider == _GRAMMAR for ref in agent.ears)
        needs_words = not (_uses(agent.brain, _ECHO) or _uses(agent.brain, _INTENTS))
        return needs_words and only_grammar and not declared

    def _speaking(self, agent: AgentSpec, path: KeyPath) -> Iterator[Finding]:
        """Models that hear and speak by themselves."""
        itself = [self._writes_itself(ref) for ref in agent.brain]
        if agent.summary is not None and not agent.summary.brain and None not in itself:
            message = "a model that speaks by itself writes no summaries"
            hint = "name another provider as brain of the summary"
            yield self.source.finding((*path, "summary"), message, hint=hint)
        asked = None if agent.reports is None else agent.reports.post_prompt
        if asked is not None and asked.prompt and not asked.brain and None not in itself:
            message = "a model that speaks by itself writes no report"
            hint = "name another provider as brain of the post_prompt"
            yield self.source.finding((*path, "reports", "post_prompt"), message, hint=hint)
        if "ears" in agent.model_fields_set and all(itself):
            message = "ears are hardly used: this model hears for itself and writes down what it"
            message += " hears"
            hint = "leave them out, or switch its transcription off"
            yield self.source.finding((*path, "ears"), message, hint=hint, severity="warning")

    def _writes_itself(self, ref: ProviderRef) -> bool | None:
        return None if self.writes_itself is None else self.writes_itself(ref)

    def _intent(self, agent: AgentSpec, intent: Intent, path: KeyPath) -> Iterator[Finding]:
        if self.unknown_words is not None and _uses(agent.ears, _GRAMMAR):
            for index, phrase in enumerate(intent.phrases):
                if words := self.unknown_words([phrase]):
                    message = f"the embedded ears do not know: {', '.join(words)}"
                    hint = "say it in other words, or use other ears"
                    yield self.source.finding((*path, "phrases", index), message, hint=hint)
        if not _uses(agent.brain, _INTENTS):
            for key in sorted(intent.model_fields_set - {"phrases"}):
                message = f"{key} is not used: a brain of provider {agent.brain[0].provider} "
                message += "takes only the phrases of intents"
                yield self.source.finding((*path, key), message, severity="warning")
        elif intent.do is not None:
            yield from self._do(agent, intent.do, (*path, "do"))

    def _do(self, agent: AgentSpec, do: Mapping[str, Any], path: KeyPath) -> Iterator[Finding]:
        if len(do) != 1:
            yield self.source.finding(path, "do takes exactly one tool")
            return
        ((name, raw),) = do.items()
        path = (*path, name)
        if name in tools_of_its_own(agent) or may_be_foreign(agent, name):
            return  # see `lint_talks`; a server is not asked here what it has
        if wrong := self.toolbox.wrong(name):
            yield self.source.finding(path, wrong)
            return
        if name not in agent.tools:
            message = f"{name} is not permitted to this agent"
            yield self.source.finding(path, message, hint=f"add {name} to its tools")
            return
        (spec,) = self.toolbox.specs([name])
        yield from self._arguments(spec, named(raw, spec), path)

    def _arguments(
        self, spec: ToolSpec, arguments: Mapping[str, Any], path: KeyPath
    ) -> Iterator[Finding]:
        if spec.name not in VERBS:
            for error in Draft202012Validator(dict(spec.parameters)).iter_errors(dict(arguments)):
                yield self.source.finding((*path, *error.path), error.message)
            return
        verb = checked(VERBS[spec.name], arguments)
        if isinstance(verb, str):
            yield self.source.finding(path, verb.partition(" was not run: ")[2])
        else:
            yield from targets_refused(self.source, verb, path, self.policies, self.phones)


def _uses(refs: Sequence[ProviderRef], provider: str) -> bool:
    return any(ref.provider == provider for ref in refs)


def named(raw: Any, spec: ToolSpec) -> Mapping[str, Any]:
    """What stands under a tool's name in `do`, by parameter: a lone value is the first one."""
    if isinstance(raw, Mapping):
        return raw
    if raw is None:
        return {}
    parameters = spec.parameters
    names = [*parameters.get("required", ()), *parameters.get("properties", ())]
    return {names[0] if names else "value": raw}
