"""A call of one agent on virtual time: a tool, an answer that is cut short, and another one."""

from functools import cache

from sipagent.agent.protocols import Say, ToolCall, Used
from sipagent.call.control import CallControl
from sipagent.events import CallEnded, CallStarted, Event, LegChanged, SipMessage, StepStarted
from sipagent.testing.fakes import Reply, ScriptedBrain, ScriptedEars
from sipagent.testing.talk import a_talk
from sipagent.testing.virtual import run_virtual
from sipagent.tools.spec import ToolResult, ToolSpec

CALL_ID = "20260101-120000-abcdef01"
CALLER = "sip:alice@example.org"
STORY = " ".join(f"word{number}" for number in range(60))


async def _look_up(arguments: object, control: CallControl) -> ToolResult:
    return ToolResult("order 7 was sent to alice")


LOOK_UP = ToolSpec("look_up", "Look up an order.", {"type": "object"}, _look_up)


@cache
def events() -> tuple[Event, ...]:
    """All of it, from the INVITE to the last event; the trace's id is still to be told."""

    async def run() -> tuple[Event, ...]:
        replies: list[Reply] = [
            [0.2, ToolCall("c1", "look_up", {"number": 7}), Used("m-1", input=50, output=9)],
            [0.1, Say(STORY), Used("m-1", input=80, output=70, cached=40)],
            [Say("What is it?"), Used("m-1", input=90, output=4)],
        ]
        ears = ScriptedEars("where is my order", "wait a moment please")
        async with a_talk(ears=ears, brain=ScriptedBrain(*replies), tools=[LOOK_UP]) as talk:
            await talk.until(400)
            await talk.person.speak(600, then_quiet=4000)
            await talk.person.speak(1200, then_quiet=5000)
            happened = tuple(talk.call.events)
        return happened

    talk = run_virtual(run())
    began = talk[0].at
    own = [event.model_copy(update={"call_id": CALL_ID}) for event in talk]

    def leg(state: str, t: int) -> LegChanged:
        return LegChanged(call_id=CALL_ID, at=began, t=t, leg="a", remote=CALLER, state=state,
                          status=200, sip_call_id="abc@phone")  # fmt: skip

    last = own[-1].t + 20
    return (
        SipMessage(call_id=CALL_ID, at=began, source="192.0.2.9:5060", destination="sipagent",
                   start_line="INVITE sip:100@example.net SIP/2.0", cseq="1 INVITE",
                   sip_call_id="abc@phone"),
        CallStarted(call_id=CALL_ID, at=began, caller=CALLER, callee="sip:100@example.net",
                    plan="desk", sip_call_id="abc@phone"),
        leg("confirmed", 20),
        StepStarted(call_id=CALL_ID, at=began, section="main", index=1, verb="ai", agent="desk",
                    t=20),
        *(event for event in own if not isinstance(event, LegChanged | CallEnded)),
        leg("disconnected", last),
        CallEnded(call_id=CALL_ID, at=began, t=last),
    )  # fmt: skip
