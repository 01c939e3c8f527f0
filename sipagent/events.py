"""What happens in a call: the one vocabulary for the channel, CDR, store, timeline and tests.

`at` is the wall clock (UTC); `t` is milliseconds on the call's media clock, the base that
recordings, transcripts and latencies share. Fields marked `Personal` hold what a person said,
pressed or was told: records keep them, logs leave them out unless asked.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter


class _Personal:
    """Marker of personal data; see `personal_fields`."""


Personal = Annotated[str, _Personal()]
PersonalData = Annotated[dict[str, Any], _Personal()]
Speaker = Literal["caller", "agent", "callee"]


class Base(BaseModel):
    """What every event says."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    call_id: str
    at: datetime = Field(default_factory=lambda: datetime.now(UTC))
    t: int = 0


def personal_fields(event: type[Base]) -> frozenset[str]:
    """Names of the fields of an event type that hold personal data."""
    return frozenset(
        name
        for name, field in event.model_fields.items()
        if any(isinstance(mark, _Personal) for mark in field.metadata)
    )


class CallStarted(Base):
    """A conversation began: an INVITE was accepted for a plan, or we dial out."""

    type: Literal["call_started"] = "call_started"
    direction: Literal["inbound", "outbound"] = "inbound"
    caller: str
    callee: str
    plan: str = ""
    why: str = ""
    sip_call_id: str = ""


class LegChanged(Base):
    """A leg moved to a new INVITE session state."""

    type: Literal["leg_changed"] = "leg_changed"
    leg: str
    role: Speaker = "caller"
    remote: str
    state: str
    status: int = 0
    reason: str = ""
    sip_call_id: str = ""


class LegHeld(Base):
    """A leg's media went on hold by either side's wish (RFC 3264 section 8.4), or came back."""

    type: Literal["leg_held"] = "leg_held"
    leg: str
    role: Speaker = "caller"
    on_hold: bool


class LegMedia(Base):
    """What a leg's audio was like: RTP and RTCP figures from its first to its last packet.

    `lost` and `jitter_ms` are what we saw of the far end's audio, `remote_*` what it reported
    of ours; None where it sent no report.
    """

    type: Literal["leg_media"] = "leg_media"
    leg: str
    role: Speaker = "caller"
    codec: str
    sent: int
    received: int
    lost: int
    jitter_ms: float
    remote_lost: int | None = None
    remote_jitter_ms: float | None = None
    round_trip_ms: float | None = None


class SipMessage(Base):
    """One SIP message seen at the edge: a rung of the ladder. Bodies and credentials stay out."""

    type: Literal["sip_message"] = "sip_message"
    source: str
    destination: str
    start_line: str
    cseq: str = ""
    sip_call_id: str = ""


class StepStarted(Base):
    """The plan reached a step."""

    type: Literal["step_started"] = "step_started"
    section: str
    index: int
    verb: str
    line: int = 0


class SpeechStarted(Base):
    """Voice activity began (caller), or the first sample of an utterance was played (agent)."""

    type: Literal["speech_started"] = "speech_started"
    speaker: Speaker


class SpeechEnded(Base):
    """Voice activity ended, or the last sample of an utterance was played."""

    type: Literal["speech_ended"] = "speech_ended"
    speaker: Speaker


class Said(Base):
    """One side's turn as text. For the agent only what was heard; `unheard` is what was cut."""

    type: Literal["said"] = "said"
    speaker: Speaker
    text: Personal
    unheard: Personal = ""
    start: int
    end: int
    confidence: float | None = None
    interrupted: bool = False


class BargeIn(Base):
    """What was decided when the caller spoke over the agent, and on what evidence."""

    type: Literal["barge_in"] = "barge_in"
    decision: Literal["paused", "resumed", "stopped"]
    evidence: str
    words: Personal = ""
    played_ms: int = 0


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


class SecureEntry(Base):
    """The caller begins to type a secret, or has done so: in between, recordings and taps keep
    silence on their side, and nobody hears them. `secret` is the name it is kept under, `result`
    how it came out, `keys` how many were typed.
    """

    type: Literal["secure_entry"] = "secure_entry"
    change: Literal["began", "ended"]
    secret: str
    kind: str
    result: Literal["", "collected", "cancelled", "no_input", "invalid", "gone"] = ""
    keys: int = 0


class ConsentChanged(Base):
    """The caller agreed to be recorded, refused, or took the consent back. `how` is by which way
    they said so, `question` what was said to them.
    """

    type: Literal["consent_changed"] = "consent_changed"
    consent: Literal["given", "refused", "withdrawn"]
    how: Literal["key", "voice", "silence", "request"]
    question: str = ""


class MessageReceived(Base):
    """A text came (RFC 3428): in the call, or, where `leg` is empty, beside it. Outside any call
    `call_id` is empty, and `to` the number it was for.
    """

    type: Literal["message_received"] = "message_received"
    leg: str = ""
    sender: str
    to: str = ""
    text: Personal


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


class RecordingStarted(Base):
    """A recording runs from now."""

    type: Literal["recording_started"] = "recording_started"
    control_id: str
    path: str


class RecordingPaused(Base):
    """A recording keeps nothing of what is said from now on, or keeps it again."""

    type: Literal["recording_paused"] = "recording_paused"
    control_id: str
    paused: bool


class RecordingStopped(Base):
    """A recording is whole on disk."""

    type: Literal["recording_stopped"] = "recording_stopped"
    control_id: str
    path: str
    duration_ms: int


class TapStarted(Base):
    """The call's audio is sent somewhere else from now on: what the caller says, hears, or both."""

    type: Literal["tap_started"] = "tap_started"
    control_id: str
    uri: str
    tracks: tuple[str, ...]


class TapStopped(Base):
    """It is no longer sent there. `sent` counts packets or messages, `dropped` 20 ms frames."""

    type: Literal["tap_stopped"] = "tap_stopped"
    control_id: str
    reason: str
    sent: int
    dropped: int


class MachineDetected(Base):
    """Who answered, on what evidence, and how a machine showed that it listens, if it did."""

    type: Literal["machine_detected"] = "machine_detected"
    leg: str
    result: Literal["human", "machine", "fax", "unknown"]
    evidence: str
    ready: str = ""
    ms: int


class ProviderFailed(Base):
    """Ears, mind or mouth failed; what is done about it."""

    type: Literal["provider_failed"] = "provider_failed"
    provider: str
    role: Literal["ears", "mind", "mouth"]
    cause: str
    then: Literal["retry", "next", "apology", "fallback"]


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
    | Said
    | BargeIn
    | TurnLatency
    | DigitReceived
    | SecureEntry
    | ConsentChanged
    | MessageReceived
    | ToolCalled
    | ToolReturned
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
    | MeetingChanged
    | Warned
    | CallEnded,
    Field(discriminator="type"),
]
ANY_EVENT: TypeAdapter[Event] = TypeAdapter(Event)
