"""However a call ends: who ended it is on record, and nobody is left on the line."""

from collections.abc import AsyncIterator
from typing import TypeVar

import pytest
import pytest_asyncio

from sipagent.call.leg import LegState
from sipagent.errors import LegFailed
from sipagent.events import Base, CallEnded, Event, LegChanged, Said, StepStarted, ToolReturned
from sipagent.testing.call import PhoneCall
from sipagent.testing.phone import OnCall, Phone, answer_after, refuse_with, ring_for_ever
from sipagent.testing.server import Server, running

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("endings")]
E = TypeVar("E", bound=Base)

AGENT = """
agents:
  reception:
    silence_seconds: 600
    tools: [transfer]
    intents:
      sales: {digits: "2", do: {transfer: {to: "SALES", timeout: 2}}}
"""
MAIN = {
    "waits": "[answer, {sleep: {duration: 600000}}]",
    "hangs up": "[answer, {sleep: {duration: 200}}, hangup]",
    "runs out": "[answer, {sleep: {duration: 200}}]",
    "never answers": "[{sleep: {duration: 600000}}]",
    "is busy": "[{hangup: busy}]",
    "is short": "[{answer: {max_duration: 1}}, {sleep: {duration: 600000}}]",
    "connects": '[answer, {connect: {to: "SALES", timeout: 30}}]',
    "refers": '[answer, {sip_refer: {to_uri: "SALES"}}]',
    "talks": "[answer, {ai: {agent: reception}}]",
}
NUMBERS = {what: f"1{index:02}" for index, what in enumerate(MAIN)}
PLANS = {
    NUMBERS[what]: f"""
routes: [{{to: "{NUMBERS[what]}"}}]
{AGENT if what == "talks" else ""}
policy: {{destinations: ["sip:sales@127.0.0.1:*"]}}
sections:
  main: {steps}
"""
    for what, steps in MAIN.items()
}


class Line:
    """One caller of the server, and what the call they make leaves behind."""

    def __init__(self, server: Server, sales: Phone, caller: Phone) -> None:
        self.server = server
        self.sales = sales
        self.caller = caller
        self._since = len(server.events)

    async def call(self, what: str, *, answered: bool = True) -> PhoneCall:
        call = await self.caller.dial(self.server.uri(NUMBERS[what]))
        if answered:
            await call.wait_answered()
        return call

    async def until(self, kind: type[E], **fields: object) -> E:
        """The first such event since the test began."""

        def wanted(event: Event) -> bool:
            return isinstance(event, kind) and all(
                getattr(event, name) == value for name, value in fields.items()
            )

        event = await self.server.until(wanted, since=self._since)
        assert isinstance(event, kind)
        return event

    async def over(self) -> CallEnded:
        """How the call ended; nothing of it is left."""
        ended = await self.until(CallEnded)
        await self.server.idle()
        await self.server.wait_for(lambda: self.server.gateway.edge.dialogs == 0)
        assert all(call.state is LegState.DISCONNECTED for call in self.sales.calls)
        record = await self.server.gateway.store.call(ended.call_id)
        assert record is not None
        assert (record.ended_by, record.status) == (ended.by, ended.status)
        return ended


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Server, Phone]]:
    async with Phone(user="sales") as sales:
        plans = {name: text.replace("SALES", sales.uri) for name, text in PLANS.items()}
        async with running(tmp_path_factory.mktemp("server"), plans) as server:
            yield server, sales


@pytest_asyncio.fixture(loop_scope="module")
async def line(shared: tuple[Server, Phone]) -> AsyncIterator[Line]:
    server, sales = shared
    for call in list(sales.calls):
        sales.forget(call)
    sales.on_call = answer_after(0)
    async with Phone(user="alice") as caller:
        yield Line(server, sales, caller)


@pytest.mark.rfc("3261", "the caller's BYE ends a call")
async def test_a_callers_bye_is_by_the_caller(line: Line) -> None:
    call = await line.call("waits")
    await call.hangup()
    ended = await line.over()
    assert (ended.by, ended.status) == ("caller", 200)


@pytest.mark.rfc("3261", "our BYE ends a call")
async def test_the_plans_hangup_is_by_the_plan(line: Line) -> None:
    call = await line.call("hangs up")
    assert (await call.wait_ended()).by == "remote"
    ended = await line.over()
    assert (ended.by, ended.status, ended.reason) == ("plan", 200, "the plan hung up")


async def test_a_plan_that_runs_out_of_steps_hangs_up(line: Line) -> None:
    call = await line.call("runs out")
    assert (await call.wait_ended()).by == "remote"
    ended = await line.over()
    assert (ended.by, ended.status, ended.reason) == ("plan", 200, "the plan ended")


@pytest.mark.rfc("3261", "a refusal reaches the caller with its status")
async def test_a_refusal_reaches_the_caller_and_the_record(line: Line) -> None:
    call = await line.call("is busy", answered=False)
    assert (await call.wait_ended()).status == 486
    ended = await line.over()
    assert (ended.by, ended.status) == ("plan", 486)


async def test_a_call_that_lasts_too_long_is_ended_by_the_system(line: Line) -> None:
    call = await line.call("is short")
    assert (await call.wait_ended()).by == "remote"
    ended = await line.over()
    assert (ended.by, ended.status) == ("system", 200)


@pytest.mark.rfc("3261", "CANCEL ends a call that rings: 200, and 487 to the INVITE")
async def test_a_caller_who_gives_up_while_it_rings_is_on_record(line: Line) -> None:
    call = await line.call("never answers", answered=False)
    await line.until(LegChanged, role="caller", state="incoming")
    assert (await call.hangup()).status == 487
    ended = await line.over()
    assert (ended.by, ended.status) == ("caller", 487)


@pytest.mark.rfc("3261", "a caller who gives up cancels the call out")
async def test_a_caller_who_leaves_stops_the_ringing_elsewhere(line: Line) -> None:
    line.sales.on_call = ring_for_ever
    call = await line.call("connects")
    ringing = await line.sales.wait_call()
    await line.until(LegChanged, role="callee", state="early")
    await call.hangup()
    end = await ringing.wait_ended()
    assert (end.by, end.status) == ("remote", 487)
    assert (await line.over()).by == "caller"


@pytest.mark.rfc("3261", "a caller's BYE ends the other side too")
async def test_a_caller_who_leaves_a_bridge_ends_the_other_side(line: Line) -> None:
    call = await line.call("connects")
    await line.until(LegChanged, role="callee", state="confirmed")
    await call.hangup()
    end = await line.sales.calls[0].wait_ended()
    assert (end.by, end.status) == ("remote", 200)
    assert (await line.over()).by == "caller"


async def test_a_party_who_leaves_a_bridge_ends_the_call(line: Line) -> None:
    call = await line.call("connects")
    await line.until(LegChanged, role="callee", state="confirmed")
    await line.sales.calls[0].wait_answered()  # our ACK has arrived there, too
    await line.sales.calls[0].hangup()
    assert (await call.wait_ended()).by == "remote"
    ended = await line.over()
    assert (ended.by, ended.status) == ("plan", 200)


async def test_a_caller_sent_elsewhere_is_hung_up_on_by_the_plan(line: Line) -> None:
    await line.call("refers")
    reached = await line.sales.wait_call()
    ended = await line.until(CallEnded)
    assert (ended.by, ended.status) == ("plan", 200)
    await reached.hangup()  # the caller and sales talk to each other, without us
    await line.over()


@pytest.mark.parametrize(
    ("on_call", "status", "words"),
    [(refuse_with(486), 486, "is busy"), (ring_for_ever, 408, "did not answer")],
    ids=["busy", "timeout"],
)
async def test_an_agent_tells_why_a_transfer_failed(
    line: Line, on_call: OnCall, status: int, words: str
) -> None:
    line.sales.on_call = on_call
    call = await line.call("talks")
    await line.until(StepStarted, verb="ai")
    await call.press("2")
    answer = await line.until(ToolReturned, tool="transfer")
    assert not answer.ok
    assert answer.result.startswith(f"{status} ")
    said = await line.until(Said, speaker="agent")
    assert f"sales {words}" in said.text
    assert (await line.sales.calls[0].wait_ended()).status == {486: 486, 408: 487}[status]
    await call.hangup()
    assert (await line.over()).by == "caller"


async def test_a_target_that_is_nowhere_is_told_to_the_agent_too(line: Line) -> None:
    line.sales.on_call = refuse_with(404)
    call = await line.call("talks")
    await line.until(StepStarted, verb="ai")
    await call.press("2")
    said = await line.until(Said, speaker="agent")
    assert "sales is not a known address" in said.text
    await call.hangup()
    assert (await line.over()).by == "caller"


async def test_a_call_nobody_can_take_is_refused_and_leaves_nothing(line: Line) -> None:
    call = await line.caller.dial(line.server.uri("999"))
    with pytest.raises(LegFailed) as refused:
        await call.wait_answered()
    assert refused.value.status == 404
    await line.server.idle()
    await line.server.wait_for(lambda: line.server.gateway.edge.dialogs == 0)
