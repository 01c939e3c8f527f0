"""Talk: the parts of one talk of an agent, made for it and put together."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sipagent.call.session import CallSession
from sipagent.errors import ProviderError
from sipagent.media.port import AudioPort
from sipagent.tools.source import ToolSource
from sipagent.tools.spec import ToolSpec

from .accounts import Accounts
from .conversation import Conversation
from .failover import Lineup
from .floor import Floor
from .guiding.guide import Guide
from .guiding.standing import Standing
from .hearing_rules import HearingRules
from .limits import Failures, Limits
from .live import EarSteering, Live, MindSteering, VoiceSteering
from .mind import Mind
from .organs import Organs
from .pausing import PauseConversation
from .protocols import Brain, Expectation, Synthesizer, Transcriber
from .shared import bring_data
from .speaking.changing import ChangeLanguage
from .speaking.fillers import Fillers
from .speaking.manner import Manner
from .speaking.speaker import Speaker
from .spec import AgentSpec
from .thinking import Thinker
from .tool_manners import ToolManners
from .turns.awaiting import awaiting
from .turns.rules import TurnRules
from .understanding import Senses
from .witness.witnessed import minds_of


@dataclass(frozen=True, slots=True)
class Terms:
    """What an agent talks by, in each of its talks."""

    spec: AgentSpec
    tools: Sequence[ToolSpec]
    sources: Sequence[ToolSource]
    standing: Standing
    limits: Limits
    rules: TurnRules


@dataclass(frozen=True, slots=True)
class Lineups:
    """Who hears, thinks and speaks, in the order they are tried, and what each has cost."""

    ears: Lineup[Transcriber]
    brains: Lineup[Brain]
    mouths: Lineup[Synthesizer]
    accounts: Accounts
    failures: Failures

    @classmethod
    def of(cls, organs: Organs, terms: Terms, call: CallSession) -> "Lineups":
        """For a talk in this call."""
        failures = Failures(terms.limits.failures)
        accounts = Accounts(call, failures)
        return cls(
            Lineup("ears", organs.ears, accounts),
            minds_of(call, organs.brain, accounts, "talk", terms.standing.name),
            Lineup("mouth", organs.mouth, accounts),
            accounts,
            failures,
        )


@dataclass(frozen=True, slots=True)
class Talk:
    """Its parts know each other already; nothing runs yet."""

    lineups: Lineups
    guide: Guide
    speaker: Speaker
    fillers: Fillers
    floor: Floor
    mind: Mind
    live: Live


def assembled(
    organs: Organs, terms: Terms, conversation: Conversation, port: AudioPort, call: CallSession
) -> Talk:
    """The parts of a talk, in which nobody has said anything yet."""
    spec, limits = terms.spec, terms.limits
    lineups = Lineups.of(organs, terms, call)
    bring_data(call, spec)
    conversation.messages += [line.message for line in spec.opening.history]
    manner, hearing = _manner(spec), HearingRules(spec)
    guide = _guide(terms, conversation, call, manner, hearing)
    speaker = Speaker(
        lineups.mouths, port, call, conversation, limits=limits, manner=manner, volume=spec.volume
    )
    manners = ToolManners(spec.functions, speaker)
    fillers = Fillers(speaker, manner, spec.filler_after_ms / 1000)
    thinker = Thinker(
        lineups.brains,
        guide,
        conversation,
        speaker,
        limits,
        fillers=fillers,
        manners=manners,
        max_tool_calls=spec.max_tool_calls,
    )
    senses = Senses(
        organs.vad,
        lineups.ears,
        _expectations(lineups.brains, guide, conversation, manner, hearing),
        lambda expected: awaiting(expected, guide.offered(), conversation.spoken),
    )
    floor = Floor(spec, senses, speaker, call, rules=terms.rules, limits=limits, hearing=hearing)
    mind = Mind(
        spec,
        thinker,
        speaker,
        conversation,
        guide,
        failures=lineups.failures,
        caller_busy=floor.caller_busy,
    )
    floor.follow(mind)
    fillers.may_speak = floor.listens
    manners.caller_busy = floor.caller_busy
    live = Live(
        MindSteering(guide, conversation, floor, thinker.tools.steering),
        EarSteering(floor, hearing),
        VoiceSteering(speaker, floor),
    )
    return Talk(lineups, guide, speaker, fillers, floor, mind, live)


def _guide(
    terms: Terms,
    conversation: Conversation,
    call: CallSession,
    manner: Manner,
    hearing: HearingRules,
) -> Guide:
    return Guide(
        terms.spec,
        [*terms.tools, *_own_tools(terms.spec, manner, hearing)],
        conversation,
        call,
        terms.standing,
        sources=terms.sources,
        language=lambda: manner.language,
    )


def _expectations(
    brains: Lineup[Brain],
    guide: Guide,
    conversation: Conversation,
    manner: Manner,
    hearing: HearingRules,
) -> Callable[[], Expectation]:
    """What the ears may expect, each time they ask."""

    def expected() -> Expectation:
        told = guide.expects(_expected(brains, conversation))
        return hearing.hints.expected(manner.heard(told))

    return expected


def _manner(spec: AgentSpec) -> Manner:
    return Manner(
        spec.languages, spec.pronounce, spec.fillers, spec.prompts, numbers=spec.tts_number_format
    )


def _own_tools(spec: AgentSpec, manner: Manner, hearing: HearingRules) -> Iterator[ToolSpec]:
    """Those that come with what the agent is."""
    if spec.change_language and len(spec.languages) > 1:
        yield ChangeLanguage(manner).tool
    if spec.waking.may_pause:
        yield PauseConversation(spec.waking, hearing.wake).tool


def _expected(brains: Lineup[Brain], conversation: Conversation) -> Expectation:
    try:
        return brains.organ.expects(conversation)
    except ProviderError:
        # it cannot be made: its first reply will tell
        return Expectation()
