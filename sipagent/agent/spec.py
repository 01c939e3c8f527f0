"""AgentSpec: an agent as a plan declares it under `agents:`."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from sipagent.tools.mcp.spec import McpUses
from sipagent.tools.swaig.spec import SwaigSpec

from .afterwards.spec import MemorySpec, SummarySpec
from .attention import Attention
from .background import BackgroundSpec
from .budget import BudgetSpec
from .hard_stop import HardStop
from .opening import Opening
from .parts import Part, Seconds, Words
from .refs import ProviderRef, Providers
from .reporting.spec import ReportsSpec
from .rewording import Rewording
from .speaking.spec import Fillers, FillerTexts, Language, Prompts, Pronunciation
from .steps.spec import Contexts
from .swml_spec import FunctionRules
from .turns.spec import TurnSpec
from .waking import WakingSpec
from .yielding.spec import BargeInSpec

__all__ = ["AgentSpec", "Intent", "ProviderRef", "Providers"]


class Intent(Part):
    """Something a caller may want. The embedded mind goes by all of it; of a language model's
    agent only the phrases count: they are what embedded ears can hear.
    """

    phrases: Words = ()
    digits: str | None = Field(default=None, description="keys that mean the same")
    say: str | None = Field(default=None, description="the answer, or what to say before `do`")
    do: Mapping[str, Any] | None = Field(
        default=None, description="one tool and its arguments: {transfer: {to: ...}}"
    )


class AgentSpec(Part):
    """One agent: what it says, how it hears and thinks, and what it may do."""

    greeting: str | None = None
    greeting_interruptible: bool = Field(
        default=True, description="false: it is spoken to its end; what the caller says waits"
    )
    opening: Opening = Field(default=Opening(), description="how the talk begins")
    prompt: str | None = Field(
        default=None,
        description="system prompt of a language model; ${...} are filled anew at every turn",
    )
    conscience: str = Field(default="", description="put at the end of every system prompt")
    conversation_window: int | None = Field(
        default=None, ge=1, description="messages that the mind still knows; default: all"
    )
    description: str = Field(
        default="", description="what it is for: told to the agents that may hand over to it"
    )
    brain: Providers = Field(
        default=(ProviderRef(provider="intents"),),
        description="what it thinks with: one, or a list: when one fails the next takes over",
    )
    ears: Providers = Field(
        default=(ProviderRef(provider="grammar"),), description="what it hears with: one or a list"
    )
    voice: Providers = Field(
        default=(ProviderRef(provider="espeak"),), description="what it speaks with: one or a list"
    )
    hints: tuple[str, ...] = Field(
        default=(), description="words the ears should know: names, products"
    )
    reword: tuple[Rewording, ...] = Field(
        default=(), description="what the ears get wrong, put right before anybody reads it"
    )
    pronounce: tuple[Pronunciation, ...] = Field(
        default=(), description="how words are said that a mouth gets wrong"
    )
    languages: tuple[Language, ...] = Field(
        default=(), description="languages and voices it may change between; begins in the first"
    )
    change_language: bool = Field(
        default=True, description="false: it stays in the first of its languages"
    )
    volume: float = Field(default=0.0, ge=-50, le=50, description="of its voice, dB")
    tts_number_format: Literal["international", "national"] = Field(
        default="international", description="how telephone numbers are said"
    )
    background: BackgroundSpec | None = Field(
        default=None, description="sound under its voice, as long as it talks"
    )
    fillers: Fillers = Field(
        default=FillerTexts(), description="said while the caller would wait in silence"
    )
    speech_cache: Literal["static", "all", "off"] = Field(
        default="static",
        description="speech kept on disk: of texts that stand in the plan, of all, or of none",
    )
    filler_after_ms: int = Field(default=1200, ge=100, le=20_000, description="until a filler")
    tools: tuple[str, ...] = Field(default=(), description="nothing that is not listed is offered")
    mcp_servers: McpUses = Field(
        default=(), description="servers whose tools it may use, beside `tools`"
    )
    hand_over: Words = Field(default=(), description="agents it may hand the caller to")
    max_hand_overs: int = Field(
        default=5, ge=1, description="in one call, after which this agent may make no more"
    )
    contexts: Contexts = Field(
        default_factory=dict, description="steps the talk goes through, as in SWML"
    )
    intents: Mapping[str, Intent] = Field(default_factory=dict)
    barge_in: BargeInSpec = BargeInSpec()
    end_of_turn_ms: int = Field(default=500, ge=100, le=10_000)
    complete_ms: int = Field(
        default=350, ge=60, le=10_000, description="end of turn when the words are complete"
    )
    patient_ms: int = Field(
        default=1800, ge=100, le=20_000, description="end of turn while a number is dictated"
    )
    end_of_speech_timeout: int = Field(
        default=2500, ge=250, le=20_000, description="ms of silence that end any turn"
    )
    turn: TurnSpec = Field(default=TurnSpec(), description="more of the caller's turns")
    waking: WakingSpec = Field(
        default=WakingSpec(), description="silent until it is called by its name"
    )
    attention: Attention | None = Field(
        default=None, description="a silent caller is spoken to by the mind, as SWML has it"
    )
    hard_stop: HardStop | None = Field(default=None, description="the longest it talks")
    reprompt: str = "Sorry, I did not get that."
    apology: str = "Sorry, something went wrong. Please say that again."
    silence_seconds: Seconds = Field(
        default=(10.0,), description="until the caller is asked, the first time, the second, ..."
    )
    silence_prompt: Words = Field(
        default=("Are you still there?",),
        min_length=1,
        description="asked then; of a list one after the other",
    )
    hold_on_seconds: float = Field(
        default=60.0, gt=0, le=3600, description="left to a caller who asks for a moment"
    )
    silence_limit: int = Field(default=3, ge=1, description="prompts in a row, then the agent ends")
    thinking_seconds: float = Field(
        default=8.0, gt=0, le=60, description="longest wait for a brain's first word; then the next"
    )
    max_reply_characters: int = Field(
        default=2000, ge=100, description="an answer is cut there: about two minutes of speech"
    )
    budget: BudgetSpec = Field(default=BudgetSpec(), description="of one call")
    max_tool_calls: int = Field(default=8, ge=1, description="in a row, in one turn")
    memory: MemorySpec | None = Field(
        default=None, description="what it keeps of a caller between calls; off unless it stands"
    )
    summary: SummarySpec | None = Field(
        default=None, description="made of the whole talk when it is over, for the call's record"
    )
    reports: ReportsSpec | None = Field(
        default=None, description="what others are told of its talks: docs/swml-reports.md"
    )
    fallback: str | None = Field(
        default=None, description="section to go on with when the agent cannot"
    )
    swaig: SwaigSpec | None = Field(
        default=None, description="functions and what belongs to them, as SWML's `SWAIG`"
    )
    functions: FunctionRules = Field(
        default=FunctionRules(), description="what functions may do, and are told"
    )
    direction: Literal["inbound", "outbound"] | None = Field(
        default=None, description="who called whom, where that is not as the call came"
    )
    local_tz: str | None = Field(default=None, description="IANA time zone; default: the server's")
    global_data: Mapping[str, Any] = Field(
        default_factory=dict, description="merged into ${global_data} of the call at the beginning"
    )
    persist_global_data: bool = Field(
        default=True, description="false: the next agent of the call begins with its own"
    )

    @property
    def prompts(self) -> Prompts:
        """What it says word for word where its mind has nothing to say."""
        return Prompts(
            reprompt=self.reprompt,
            apology=self.apology,
            silence_prompt=self.silence_prompt,
            goodbye=self.budget.goodbye,
        )
