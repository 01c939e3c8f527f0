"""A call with everything in it, and its recording."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sipagent.events import (
    ANY_EVENT,
    AgentChanged,
    BargeIn,
    Base,
    CallEnded,
    CallStarted,
    ConsentChanged,
    DigitReceived,
    Event,
    LanguageChanged,
    LegChanged,
    PolicyDecided,
    ProviderFailed,
    RecordingStarted,
    RecordingStopped,
    Said,
    SecureEntry,
    SipMessage,
    SpeechEnded,
    SpeechStarted,
    StepChanged,
    StepStarted,
    TapStarted,
    TapStopped,
    ToolCalled,
    ToolReturned,
    TurnEnded,
    TurnLatency,
    VerbDone,
    Warned,
)
from sipagent.media.frames import Frame
from sipagent.testing.postgres import postgres
from sipagent.testing.recorded import stereo_wav

BEGIN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
#: a warm worker's media clock ran for a while before the call came
CLOCK = 53_000
RATE = 8000


class Script:
    """Writes events the way a call emits them; times are ms from the call's start."""

    def __init__(self, call_id: str = "20260302-090000-1a2b3c4d") -> None:
        self.call_id = call_id
        self.events: list[Event] = []

    def add(self, ms: int, kind: type[Base], /, **fields: Any) -> None:
        fields.setdefault("t", CLOCK + ms)
        moment = BEGIN + timedelta(milliseconds=ms)
        event = kind(call_id=self.call_id, at=moment, **fields)
        self.events.append(ANY_EVENT.validate_python(event))

    def rung(self, ms: int, line: str, cseq: str, *, out: bool, dialog: str = "d1") -> None:
        peer = "udp:192.0.2.7:5060" if dialog == "d1" else "udp:198.51.100.9:5060"
        ends = ("us", peer) if out else (peer, "us")
        self.add(
            ms,
            SipMessage,
            t=0,
            source=ends[0],
            destination=ends[1],
            start_line=line,
            cseq=cseq,
            sip_call_id=dialog,
        )

    def speaks(self, who: str, start: int, end: int, text: str, **more: Any) -> None:
        self.add(start, SpeechStarted, speaker=who)
        self.add(end, SpeechEnded, speaker=who)
        self.add(end, Said, speaker=who, text=text, start=CLOCK + start, end=CLOCK + end, **more)


def reception_call() -> list[Event]:
    """Half a minute at the reception: barge-ins, a denied transfer and one that is busy."""
    s = Script()
    s.rung(-4, "INVITE sip:100@pbx.example SIP/2.0", "1 INVITE", out=False)
    s.rung(-3, "SIP/2.0 100 Trying", "1 INVITE", out=True)
    s.add(
        0,
        CallStarted,
        caller="sip:+442071838750@trunk.example",
        callee="sip:100@pbx.example",
        plan="reception",
        why="to: 100",
    )
    s.add(2, LegChanged, leg="1", remote="sip:+442071838750@trunk.example", state="incoming")
    s.add(4, StepStarted, section="main", index=0, verb="answer", line=14)
    s.rung(9, "SIP/2.0 200 OK", "1 INVITE", out=True)
    s.rung(31, "ACK sip:w@us SIP/2.0", "1 ACK", out=False)
    s.add(12, LegChanged, leg="1", remote="sip:a@trunk.example", state="confirmed", status=200)
    s.add(40, StepStarted, section="main", index=1, verb="record_call", line=15)
    s.add(45, RecordingStarted, control_id="recording", path="recording.wav")
    s.add(50, StepStarted, section="main", index=2, verb="ai", line=16)
    s.speaks("agent", 120, 2_400, "Rossi and Sons, good morning. What can I do for you?")
    s.speaks("caller", 3_100, 4_900, "what are your opening hours", confidence=0.93)
    s.add(
        5_300,
        TurnLatency,
        turn=1,
        speech_end=CLOCK + 4_900,
        endpoint=CLOCK + 5_250,
        final_text=CLOCK + 5_262,
        first_token=CLOCK + 5_263,
        first_audio=CLOCK + 5_270,
        first_rtp=CLOCK + 5_300,
        overhead_ms=38.0,
    )
    s.add(6_100, BargeIn, decision="paused", evidence="speech", played_ms=800)
    s.add(6_500, BargeIn, decision="resumed", evidence="mm-hmm", words="mm", played_ms=800)
    s.add(8_000, BargeIn, decision="paused", evidence="speech", played_ms=2_300)
    s.add(8_400, BargeIn, decision="stopped", evidence="2 words", words="to sales", played_ms=2_300)
    s.speaks(
        "agent",
        5_300,
        8_000,
        "We are open from nine to five, Monday",
        unheard="to Friday, and on Saturdays from ten to one.",
        interrupted=True,
    )
    s.speaks("caller", 7_980, 9_800, "transfer me to sales <now> & please", confidence=0.88)
    s.add(
        10_230,
        TurnLatency,
        turn=2,
        reason="complete",
        speech_end=CLOCK + 9_800,
        first_rtp=CLOCK + 10_230,
        overhead_ms=22.0,
    )
    s.add(
        10_240, ToolCalled, id="t1", tool="transfer", arguments={"to": "sip:+1900555@pbx.example"}
    )
    s.add(
        10_245,
        PolicyDecided,
        verb="transfer",
        by="model",
        allowed=False,
        reason="sip:+1900555@pbx.example is not an allowed destination",
    )
    s.add(10_246, VerbDone, verb="transfer", by="model", ok=False, status=403, detail="denied")
    s.add(10_247, ToolReturned, id="t1", tool="transfer", ok=False, result="not allowed", ms=7)
    s.speaks(
        "agent",
        10_240,
        13_600,
        "I am sorry, I cannot put you through: that destination is not allowed.",
    )
    s.add(14_500, DigitReceived, leg="1", digit="1")
    s.add(14_520, ToolCalled, id="t2", tool="transfer", arguments={"to": "sip:sales@pbx.example"})
    s.add(
        14_525,
        PolicyDecided,
        verb="transfer",
        by="model",
        allowed=True,
        reason="the caller agreed",
        confirmed=True,
    )
    s.speaks("agent", 14_560, 15_600, "One moment.")
    who = {"leg": "2", "role": "callee", "remote": "sip:sales@pbx.example"}
    s.add(15_620, LegChanged, state="calling", **who)
    s.rung(15_622, "INVITE sip:sales@pbx.example SIP/2.0", "9 INVITE", out=True, dialog="d2")
    s.rung(15_650, "SIP/2.0 180 Ringing", "9 INVITE", out=False, dialog="d2")
    s.add(15_655, LegChanged, state="early", status=180, **who)
    s.rung(20_100, "SIP/2.0 486 Busy Here", "9 INVITE", out=False, dialog="d2")
    s.rung(20_102, "ACK sip:sales@pbx.example SIP/2.0", "9 ACK", out=True, dialog="d2")
    s.add(20_105, LegChanged, state="disconnected", status=486, reason="Busy Here", **who)
    s.add(20_110, VerbDone, verb="transfer", by="model", ok=False, status=486, detail="busy")
    s.add(
        20_112,
        ToolReturned,
        id="t2",
        tool="transfer",
        ok=False,
        result="486 Busy Here: sales is busy",
        ms=5_592,
    )
    s.add(20_900, ProviderFailed, provider="openai", role="mind", cause="429", then="retry")
    s.speaks("agent", 21_300, 23_900, "Sales is busy. Shall I take a message?")
    s.speaks("caller", 24_800, 26_000, "no thank you goodbye")
    s.add(26_500, Warned, code="jitter", detail="60 ms of late frames")
    s.speaks("agent", 26_600, 27_500, "Goodbye.")
    s.add(27_600, ToolCalled, id="t3", tool="hangup", arguments={})
    s.add(27_610, ToolReturned, id="t3", tool="hangup", ok=True, result="the call was ended", ms=9)
    s.rung(27_620, "BYE sip:a@trunk.example SIP/2.0", "1 BYE", out=True)
    s.rung(27_660, "SIP/2.0 200 OK", "1 BYE", out=False)
    s.add(27_661, LegChanged, leg="1", remote="sip:a@x", state="disconnected", status=200)
    s.add(
        27_665, RecordingStopped, control_id="recording", path="recording.wav", duration_ms=27_600
    )
    s.add(27_670, CallEnded, status=200, reason="normal", by="agent")
    return sorted(s.events, key=lambda e: e.at)


def private_call() -> list[Event]:
    """A call that pays by card: consent, a change of agent, a failing model and a secret."""
    s = Script("20260302-100000-5e6f7a8b")
    s.add(0, CallStarted, caller="sip:alice@x", callee="sip:200@y", plan="billing", why="to: 200")
    s.add(2, LegChanged, leg="1", remote="sip:alice@x", state="confirmed", status=200)
    s.add(3, StepStarted, section="main", index=0, verb="ask_consent", line=9)
    s.add(10, StepStarted, section="main", index=1, verb="ai", line=10)
    question = "This call may be recorded. Do you agree?"
    s.add(1_800, ConsentChanged, consent="given", how="key", question=question)
    s.add(1_810, RecordingStarted, control_id="recording", path="recording.wav")
    s.add(1_820, TapStarted, control_id="qa", uri="wss://qa.example/calls", tracks=("speak",))
    s.speaks("agent", 2_000, 3_300, "Welcome. How can I help?")
    s.speaks("caller", 3_800, 5_200, "I want to pay my bill please", confidence=0.94)
    rule = {"rule": "complete", "evidence": "a whole sentence", "silence_ms": 360}
    s.add(5_560, TurnEnded, turn=1, reason="complete", voiced_ms=1_400, words="pay my bill", **rule)
    s.add(5_700, ProviderFailed, provider="gpt", role="mind", cause="429 Too Many Requests",
          then="next", next="claude")  # fmt: skip
    stages = {"endpoint": 5_560, "final_text": 5_620, "first_token": 5_870, "first_sentence": 5_930}
    stages |= {"speech_end": 5_200, "first_audio": 6_080, "first_rtp": 6_120}
    s.add(6_120, TurnLatency, turn=1, reason="complete", overhead_ms=18.0, ears="deepgram",
          mind="claude", mouth="cartesia", **{k: CLOCK + v for k, v in stages.items()})  # fmt: skip
    s.speaks("agent", 6_120, 8_300, "I put you through to billing.")
    s.add(8_400, AgentChanged, before="reception", agent="billing", summary="wants to pay")
    s.add(8_410, StepChanged, context="default", step="pay", by="plan")
    s.add(8_420, LanguageChanged, language="de", voice="anna")
    s.add(8_900, ToolCalled, id="c1", tool="collect_secure", arguments={"kind": "card_number"})
    s.add(9_000, SecureEntry, change="began", secret="card_number", entry="card_number")
    s.speaks("agent", 9_100, 12_600, "Please type your card number, then press the hash key.")
    for n in range(17):
        s.add(13_000 + n * 450, DigitReceived, leg="1", digit="", hidden=True)
    s.add(21_300, SecureEntry, change="ended", secret="card_number", entry="card_number",
          result="collected", keys=16)  # fmt: skip
    s.add(21_310, ToolReturned, id="c1", tool="collect_secure", ok=True,
          result="collected 16 digits", ms=12_400)  # fmt: skip
    s.speaks("agent", 21_700, 23_400, "Thank you. That was", unheard="paid.", interrupted=True)
    s.add(22_900, BargeIn, decision="paused", evidence="speech onset", played_ms=1_200)
    s.add(23_400, BargeIn, decision="stopped", evidence="3 words", words="[card number]")
    s.speaks("caller", 22_900, 24_300, "is it [card number]", confidence=0.7)
    s.add(25_500, TurnLatency, turn=2, reason="patient", outcome="failed",
          speech_end=CLOCK + 24_300, endpoint=CLOCK + 25_500)  # fmt: skip
    s.speaks("agent", 25_600, 27_000, "Sorry, something went wrong.")
    s.add(28_000, TapStopped, control_id="qa", reason="the call ended", sent=1_310, dropped=0)
    s.add(
        28_000, RecordingStopped, control_id="recording", path="recording.wav", duration_ms=26_190
    )
    s.add(28_010, CallEnded, status=200, reason="the caller hung up", by="caller")
    return s.events


def chatter(seconds: int, call_id: str = "long") -> list[Event]:
    """A call in which both sides talk in turn for so long."""
    s = Script(call_id)
    s.add(0, CallStarted, caller="sip:a@x", callee="sip:b@y", plan="chat")
    s.add(1, LegChanged, leg="1", remote="sip:a@x", state="confirmed", status=200)
    end = seconds * 1000 - 500
    for n, start in enumerate(range(100, end - 8_000, 9_000)):
        s.speaks("agent", start, start + 4_000, f"This is sentence {n} of a rather long reading.")
        s.speaks("caller", start + 4_500, start + 7_500, f"I see, number {n}, and then what?")
    s.add(end, CallEnded, by="caller")
    return s.events


def record(folder: Path, events: list[Event]) -> Path:
    """The stereo recording of a call: voice-like noise wherever someone speaks."""
    spans: dict[str, list[tuple[int, int]]] = {"caller": [], "agent": []}
    for event in events:
        if isinstance(event, Said):
            spans[event.speaker].append((event.start, event.end))
    start = next((e.t for e in events if isinstance(e, RecordingStarted)), CLOCK)
    wav = stereo_wav(folder / "recording.wav", RATE, start)
    random = np.random.default_rng(7)
    for t in range(start, max(e.t for e in events), 20):
        heard = []
        for side in ("caller", "agent"):
            speaks = any(a <= t < b for a, b in spans[side])
            level = (1500 + 6000 * abs(np.sin(t / 130.0))) if speaks else 20
            noise = random.standard_normal(RATE // 50) * level * 0.4
            heard.append([Frame(noise.astype("<i2").tobytes(), t)])
        wav.heard(*heard)
    wav.close(max(e.t for e in events))
    return folder / "recording.wav"


@pytest.fixture
def busy_call() -> list[Event]:
    """The events of `reception_call`."""
    return reception_call()


@pytest.fixture(name="private_call")
def private_call_events() -> list[Event]:
    """The events of `private_call`."""
    return private_call()


@pytest.fixture
def recorder() -> Callable[[Path, list[Event]], Path]:
    """`record`: writes the recording of a call into a folder."""
    return record


@pytest.fixture
def chatting() -> Callable[[int], list[Event]]:
    """`chatter`: the events of a call of so many seconds."""
    return chatter


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.peer)])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """The URL of an empty database, of each kind there is."""
    if request.param == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path / 'calls.sqlite3'}"
        return
    async with postgres() as url:
        yield url
