"""What the console is looked at with: calls that live and calls that are over, told to the ledger
as workers would tell them, so that every page has something of everything.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from pydantic import SecretStr

from sipagent.config import Phone, Registration, Trunk, Webrtc
from sipagent.events import (
    AgentChanged,
    BargeIn,
    Base,
    CallEnded,
    CallStarted,
    Gathered,
    HoldChanged,
    Interim,
    LegChanged,
    LegMedia,
    OutsideAsked,
    PolicyDecided,
    RecordingStarted,
    RecordingStopped,
    Said,
    SipMessage,
    SpeechEnded,
    SpeechStarted,
    StepStarted,
    ToolCalled,
    ToolReturned,
    TurnLatency,
    VerbDone,
)
from sipagent.testing.audio import interleave, speech_like, write_wav
from sipagent.testing.server import Server

PLANS = {
    "reception": """
routes: [{to: "100"}, {to: "101"}]
description: The front desk of Rossi and Sons
agents:
  desk:
    greeting: "Rossi and Sons, good morning."
    hand_over: [orders]
    tools: [transfer]
    intents:
      hours: {phrases: ["opening hours"], say: "Nine to five."}
      sales: {phrases: ["sales please"], do: {transfer: {to: "sip:sales@pbx.example"}}}
  orders:
    description: takes orders
    greeting: "This is the order desk."
    intents: {bye: {phrases: ["goodbye"], say: "Goodbye."}}
policy: {destinations: ["sip:*@pbx.example"]}
sections:
  main: [answer, {record_call: {stereo: true}}, {ai: {agent: desk}}, {execute: {dest: closing}}]
  closing: [{play: "say:Goodbye."}, hangup]
""",
    "night": """
routes: [{to: "200"}]
sections:
  main: [answer, {prompt: {play: "say:We are closed. Press 1 to leave a message."}}, hangup]
""",
}
#: a trunk whose registrar is not there, one that is not registered with, and two phones
OTHERS: dict[str, Any] = {
    "trunks": {
        "carrier": Trunk(
            host="127.0.0.1",
            port=9,
            username="4420",
            password=SecretStr("nobody-knows"),
            registration=Registration(retry_seconds=30),
        ),
        "backup": Trunk(host="127.0.0.1", port=9, options_seconds=0),
    },
    "phones": {
        "201": Phone(password=SecretStr("nobody-knows"), display_name="Desk"),
        "202": Phone(password=SecretStr("nobody-knows")),
    },
    "webrtc": Webrtc(captions=True),
}
EVIL = "<img src=x onerror=alert(1)><script>alert(2)</script>"
E = TypeVar("E", bound=Base)


@dataclass
class StagedCall:
    """One call, told event by event; `t` is where it is on its media clock."""

    server: Server
    call_id: str
    began: datetime
    caller: str
    t: int = 0
    turns: int = 0
    told: list[Base] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        return self.server.folder / "bundles" / self.call_id

    def tell(self, kind: type[E], *, after: int = 100, **fields: Any) -> E:
        self.t += after
        at = self.began + timedelta(milliseconds=self.t)
        event = kind(call_id=self.call_id, at=at, t=self.t, **fields)
        self.told.append(event)
        self.server.gateway.ledger.happened(event)  # type: ignore[arg-type]
        return event

    def rung(self, out: bool, line: str, cseq: str) -> None:
        edge, phone = "127.0.0.1:5060", "192.0.2.7:5062"
        ends = (edge, phone) if out else (phone, edge)
        source, destination = ends
        self.tell(
            SipMessage,
            source=source,
            destination=destination,
            start_line=line,
            cseq=cseq,
            sip_call_id=self.call_id,
            after=20,
        )

    def begin(self, callee: str = "sip:100@pbx.example", plan: str = "reception") -> None:
        self.server.gateway.ledger.open(self.call_id, self.call_id, self.folder)
        self.tell(
            CallStarted, caller=self.caller, callee=callee, plan=plan, sip_call_id=self.call_id
        )
        self.rung(False, f"INVITE {callee} SIP/2.0", "1 INVITE")
        self.rung(True, "SIP/2.0 180 Ringing", "1 INVITE")
        leg: dict[str, Any] = {"leg": "caller", "role": "caller", "remote": self.caller}
        self.tell(LegChanged, state="early", **leg)
        self.tell(LegChanged, state="confirmed", status=200, **leg)
        self.rung(True, "SIP/2.0 200 OK", "1 INVITE")
        self.rung(False, f"ACK {callee} SIP/2.0", "1 ACK")

    def said(self, speaker: str, text: str, *, unheard: str = "", ms: int = 1800) -> None:
        start = self.t + 200
        self.tell(SpeechStarted, speaker=speaker, after=200)
        self.tell(SpeechEnded, speaker=speaker, after=ms)
        self.tell(
            Said,
            speaker=speaker,
            text=text,
            unheard=unheard,
            start=start,
            end=self.t,
            interrupted=bool(unheard),
            after=0,
        )

    def turn(self, total: int) -> None:
        self.turns += 1
        end = self.t - 2000
        shares = {
            "endpoint": 0.55,
            "final_text": 0.62,
            "first_token": 0.75,
            "first_sentence": 0.82,
            "first_audio": 0.95,
            "first_rtp": 1.0,
        }
        stages = {name: end + int(total * share) for name, share in shares.items()}
        self.tell(
            TurnLatency,
            turn=self.turns,
            reason="complete",
            speech_end=end,
            ears="sphinx",
            mind="intents",
            mouth="espeak",
            after=0,
            **stages,
        )

    def talk(self) -> None:
        """Some of everything."""
        self.tell(StepStarted, section="main", index=0, verb="answer", line=14)
        self.tell(RecordingStarted, control_id="recording", path="recording.wav")
        self.tell(StepStarted, section="main", index=2, verb="ai", line=14, agent="desk")
        self.said("agent", "Rossi and Sons, good morning.")
        self.said("caller", "I would like to know whether my umbrella is ready")
        self.tell(ToolCalled, id="t1", tool="lookup_order", arguments={"customer": "1234"})
        self.tell(
            ToolReturned,
            id="t1",
            tool="lookup_order",
            ok=True,
            result="ready since Monday",
            ms=212,
            after=212,
        )
        self.said("agent", "It has been ready since Monday.", unheard="Shall I have it sent?")
        self.turn(742)
        self.tell(BargeIn, decision="stopped", evidence="four words in 900 ms")
        self.said("caller", "put me through to sales please")
        self.tell(
            PolicyDecided,
            verb="transfer",
            by="model",
            allowed=False,
            reason="sip:sales@elsewhere.example is no destination of the plan's policy",
        )
        self.tell(VerbDone, verb="transfer", by="model", ok=False, detail="not allowed", status=403)
        self.said("agent", "I am sorry, I cannot reach them from here. May I take an order?")
        self.turn(910)
        self.tell(AgentChanged, before="desk", agent="orders", summary="wants sales")
        self.said("agent", "This is the order desk. How many?")
        self.said("caller", "two, in blue")
        self.tell(Gathered, key="colour", value="blue")
        self.turn(388)
        self.tell(
            OutsideAsked,
            by="api:desk",
            origin="192.0.2.9",
            verb="say",
            arguments={"text": "One moment."},
        )
        self.tell(
            PolicyDecided, verb="say", by="api:desk", allowed=True, reason="no rule against it"
        )
        self.said("agent", "One moment.")
        self.tell(VerbDone, verb="say", by="api:desk", ok=True, detail="it was said")

    def record(self) -> None:
        """Its recording, both sides."""
        self.folder.mkdir(parents=True, exist_ok=True)
        seconds = self.t / 1000
        both = interleave(speech_like(seconds, 1), speech_like(seconds, 2))
        write_wav(self.folder / "recording.wav", both, channels=2)
        self.tell(
            RecordingStopped, control_id="recording", path="recording.wav", duration_ms=self.t - 600
        )

    def end(self, status: int = 200, reason: str = "normal") -> None:
        self.tell(
            LegMedia,
            leg="caller",
            role="caller",
            codec="PCMU",
            sent=2100,
            received=2098,
            lost=2,
            jitter_ms=1.4,
        )
        self.rung(False, "BYE sip:100@127.0.0.1 SIP/2.0", "2 BYE")
        self.rung(True, "SIP/2.0 200 OK", "2 BYE")
        self.tell(CallEnded, status=status, reason=reason, by="caller")


def calls(server: Server) -> dict[str, StagedCall]:
    """Several at once: one whole and over, one that failed, and three that go on."""
    now = datetime.now(UTC)

    def call(name: str, caller: str, minutes: float) -> StagedCall:
        made = StagedCall(server, f"20261123-{name}", now - timedelta(minutes=minutes), caller)
        return made

    over = call("over", '"Ann Smith" <sip:+442079460001@trunk.example>', 14)
    over.begin()
    over.talk()
    over.record()
    over.end()
    busy = call("busy", "sip:+442079460002@trunk.example", 9)
    busy.begin(callee="sip:200@pbx.example", plan="night")
    busy.end(486, "busy here")
    talking = call("talking", '"Bob Jones" <sip:bob@pbx.example>', 3)
    talking.begin()
    talking.talk()
    talking.tell(Interim, speaker="caller", text="and could you also", start=talking.t)
    through = call("through", "sip:+393331234567@trunk.example", 1.4)
    through.begin()
    through.said("agent", "Rossi and Sons, good morning.")
    through.said("caller", "sales please")
    other: dict[str, Any] = {"leg": "leg-2", "role": "callee", "remote": "sip:sales@pbx.example"}
    through.tell(LegChanged, state="early", status=180, **other)
    through.tell(LegChanged, state="confirmed", status=200, **other)
    through.tell(HoldChanged, held=True)
    evil = call("evil", f'"{EVIL}" <sip:eve@evil.example>', 0.3)
    evil.begin()
    evil.said("caller", EVIL)
    evil.tell(ToolCalled, id="x", tool=EVIL, arguments={EVIL: EVIL})
    return {"over": over, "busy": busy, "talking": talking, "through": through, "evil": evil}
