"""What happens in a call: the one vocabulary for the channel, CDR, store, timeline and tests.

`at` is the wall clock (UTC); `t` is milliseconds on the call's media clock, the base that
recordings, transcripts and latencies share. Fields marked `Personal` hold what a person said,
pressed or was told: records keep them, logs leave them out unless asked.
"""

from typing import Annotated, Literal, get_args

from pydantic import Field, TypeAdapter

from .base import Base, Personal, PersonalData, Speaker, personal_fields
from .floor import (
    BargeIn,
    Interim,
    Said,
    SoundPlayed,
    SpeechEnded,
    SpeechStarted,
    TurnEnded,
)
from .hooks import WebhookChanged
from .keeping import (
    CallerErased,
    ConsentChanged,
    RecordingPaused,
    RecordingStarted,
    RecordingStopped,
    RecordsPruned,
    SecureEntry,
    TapStarted,
    TapStopped,
)
from .mcp import McpCalled, McpServerChanged
from .outside import DriveChanged, OutsideAsked
from .providers import Finish, LimitReached, ModelUsed, ProviderFailed, SpeechUsed
from .signalling import LegChanged, LegHeld, LegMedia, SipMessage
from .talks import (
    AgentChanged,
    FillerSpoken,
    Gathered,
    Reported,
    StepChanged,
    Summarised,
    Transcribed,
    UserEvent,
)
from .web import WebAsked

#: what stands in the other modules of this room
__all__ = [
    "AgentChanged",
    "BargeIn",
    "Base",
    "CallerErased",
    "ConsentChanged",
    "DriveChanged",
    "FillerSpoken",
    "Finish",
    "Gathered",
    "Interim",
    "LegChanged",
    "LegHeld",
    "LegMedia",
    "LimitReached",
    "McpCalled",
    "McpServerChanged",
    "ModelUsed",
    "OutsideAsked",
    "Personal",
    "PersonalData",
    "ProviderFailed",
    "RecordingPaused",
    "RecordingStarted",
    "RecordingStopped",
    "RecordsPruned",
    "Reported",
    "Said",
    "SecureEntry",
    "SipMessage",
    "SoundPlayed",
    "Speaker",
    "SpeechEnded",
    "SpeechStarted",
    "SpeechUsed",
    "StepChanged",
    "Summarised",
    "TapStarted",
    "TapStopped",
    "Transcribed",
    "TurnEnded",
    "UserEvent",
    "WebAsked",
    "WebhookChanged",
    "personal_fields",
]


class CallStarted(Base):
    """A conversation began: an INVITE was accepted for a plan, or we dial out. `swml_id` is what
    servers of SWML and functions know it by. `traceparent` is its own span (W3C Trace Context),
    empty where calls are not traced; `traced_by` the span of that trace it is part of, if any.
    """

    type: Literal["call_started"] = "call_started"
    direction: Literal["inbound", "outbound"] = "inbound"
    caller: str
    callee: str
    plan: str = ""
    why: str = ""
    sip_call_id: str = ""
    swml_id: str = ""
    traceparent: str = ""
    traced_by: str = ""

    @property
    def trace_id(self) -> str:
        """Of `traceparent`."""
        return self.traceparent[3:35]


class StepStarted(Base):
    """The plan reached a step; of another document, where one is named."""

    type: Literal["step_started"] = "step_started"
    section: str
    index: int
    verb: str
    line: int = 0
    document: str = ""
    agent: str = Field(default="", description="who talks from here on, as the plan names them")


class TurnLatency(Base):
    """The waterfall of one turn; every stage is ms on the media clock, None where not reached.

    `reason` is why the turn ended ("keys": it was typed), `first_sentence` when the mouth was given
    the first whole one; `outcome` is what the caller got for it. `ears`, `mind` and `mouth` name
    the providers that served; those that failed first are told by `ProviderFailed`.
    """

    type: Literal["turn_latency"] = "turn_latency"
    turn: int
    reason: str = ""
    outcome: Literal["answered", "interrupted", "silent", "failed"] = "answered"
    speech_end: int | None = None
    endpoint: int | None = None
    final_text: int | None = None
    first_token: int | None = None
    first_sentence: int | None = None
    first_audio: int | None = None
    first_rtp: int | None = None
    overhead_ms: float | None = None
    ears: str = ""
    mind: str = ""
    mouth: str = ""


class DigitReceived(Base):
    """A key was pressed (RFC 4733, INFO or in-band). `hidden`: nobody is told which, and `digit` is
    empty.
    """

    type: Literal["digit_received"] = "digit_received"
    leg: str
    digit: Personal
    method: str = "rfc4733"
    hidden: bool = False


class MessageReceived(Base):
    """A text came (RFC 3428): in the call, or, where `leg` is empty, beside it. Outside any call
    `call_id` is empty, and `to` the number it was for.
    """

    type: Literal["message_received"] = "message_received"
    leg: str = ""
    sender: str
    to: str = ""
    text: Personal


class LanguageChanged(Base):
    """The agent speaks, and expects to hear, another of its languages from now on."""

    type: Literal["language_changed"] = "language_changed"
    language: str
    voice: str = ""


class ToolCalled(Base):
    """The model asked for a tool."""

    type: Literal["tool_called"] = "tool_called"
    id: str
    tool: str
    arguments: PersonalData


class ToolReturned(Base):
    """What the model was told."""

    type: Literal["tool_returned"] = "tool_returned"
    id: str
    tool: str
    ok: bool
    result: Personal
    ms: int = 0


class PolicyDecided(Base):
    """May this principal do this? Allowed, denied, or allowed by the caller's own yes."""

    type: Literal["policy_decided"] = "policy_decided"
    verb: str
    by: str
    allowed: bool
    reason: str
    confirmed: bool | None = None


class VerbDone(Base):
    """A verb ran (or was refused) and how it came out."""

    type: Literal["verb_done"] = "verb_done"
    verb: str
    by: str
    ok: bool
    detail: str = ""
    status: int | None = None


class HoldChanged(Base):
    """A verb put the caller on hold, or took them back. `signalled`: their phone was told."""

    type: Literal["hold_changed"] = "hold_changed"
    held: bool
    signalled: bool = False


class MachineDetected(Base):
    """Who answered, on what evidence, and how a machine showed that it listens, if it did."""

    type: Literal["machine_detected"] = "machine_detected"
    leg: str
    result: Literal["human", "machine", "fax", "unknown"]
    evidence: str
    ready: str = ""
    ms: int


class MeetingChanged(Base):
    """A step in meeting other calls. `count` is members of a conference or places in a queue;
    `other` is who was met, rung, came or left.
    """

    type: Literal["meeting_changed"] = "meeting_changed"
    place: Literal["conference", "parking", "queue"]
    name: str
    change: Literal[
        "waiting", "standing", "ringing", "unanswered", "met", "entered", "left", "lost",
        "remade", "over",
    ]  # fmt: skip
    count: int = 0
    other: str = ""
    detail: str = ""


class Warned(Base):
    """Something a person should look at, that did not stop the call."""

    type: Literal["warned"] = "warned"
    code: str
    detail: str


class CallEnded(Base):
    """The last event of a call."""

    type: Literal["call_ended"] = "call_ended"
    status: int = 200
    reason: str = "normal"
    by: Literal["caller", "agent", "plan", "system"] = "caller"


Event = Annotated[
    CallStarted
    | LegChanged
    | LegHeld
    | LegMedia
    | SipMessage
    | StepStarted
    | SpeechStarted
    | SpeechEnded
    | Interim
    | Said
    | BargeIn
    | SoundPlayed
    | TurnEnded
    | AgentChanged
    | Summarised
    | Reported
    | FillerSpoken
    | StepChanged
    | Gathered
    | TurnLatency
    | DigitReceived
    | SecureEntry
    | ConsentChanged
    | MessageReceived
    | LanguageChanged
    | ToolCalled
    | ToolReturned
    | OutsideAsked
    | McpServerChanged
    | McpCalled
    | DriveChanged
    | PolicyDecided
    | VerbDone
    | HoldChanged
    | RecordingStarted
    | RecordingPaused
    | RecordingStopped
    | TapStarted
    | TapStopped
    | MachineDetected
    | ProviderFailed
    | ModelUsed
    | SpeechUsed
    | WebAsked
    | LimitReached
    | MeetingChanged
    | Transcribed
    | UserEvent
    | WebhookChanged
    | RecordsPruned
    | CallerErased
    | Warned
    | CallEnded,
    Field(discriminator="type"),
]
ANY_EVENT: TypeAdapter[Event] = TypeAdapter(Event)
#: the `type` of every event
EVENT_TYPES: frozenset[str] = frozenset(
    kind.model_fields["type"].default for kind in get_args(get_args(Event)[0])
)
