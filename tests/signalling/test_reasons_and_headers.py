"""Why a call ended, told both ways (RFC 3326), and headers that pass through."""

from typing import Any

import pytest

from sipagent.events import LegChanged
from sipagent.testing.phone import answer_after, ring_for_ever

Serve = Any
Open = Any

#: one server, a number for each way a call can end
PLANS = {
    "hangs_up": """
routes: [{to: "100"}]
sections: {main: [answer, hangup]}
""",
    "refuses": """
routes: [{to: "101"}]
sections: {main: [{hangup: {reason: busy}}]}
""",
    "connects": """
routes: [{to: "102"}]
policy: {destinations: ["sip:*@127.0.0.1:*"]}
sections:
  main:
    - answer
    - connect:
        to: "BOB"
        timeout: 60
        ringback: []
        headers: {X-Ticket: "t-${call.headers['X-Account']}", X-Plan: gold}
    - hangup
""",
    "gives_up": """
routes: [{to: "104"}]
policy: {destinations: ["sip:*@127.0.0.1:*"]}
sections: {main: [answer, {connect: {to: "BOB", timeout: 1, ringback: []}}, hangup]}
""",
    "hunts": """
routes: [{to: "103"}]
policy: {destinations: ["sip:*@127.0.0.1:*"]}
sections:
  main:
    - answer
    - connect: {parallel: [{to: "BOB"}, {to: "CAROL"}], ringback: []}
    - hangup
""",
}
BUSY = 'Q.850;cause=17;text="User busy"'
NORMAL = 'Q.850;cause=16;text="Normal call clearing"'


def ends(server: Any, role: str) -> list[str]:
    """The reasons for which legs of that role ended."""
    kinds = (e for e in server.events if isinstance(e, LegChanged))
    return [e.reason for e in kinds if e.role == role and e.state == "disconnected"]


async def at(serve: Serve, bob: Any, carol: Any = None) -> Any:
    """A server that knows where they are."""
    where = {"BOB": bob.uri, "CAROL": (carol or bob).uri}
    plans = dict(PLANS)
    for name, uri in where.items():
        plans = {plan: text.replace(name, uri) for plan, text in plans.items()}
    return await serve(plans)


@pytest.mark.rfc("3326", "Reason on our BYE, CANCEL and refusals")
@pytest.mark.rfc("3326", "the far end's Reason on BYE and CANCEL is on record")
async def test_each_side_tells_the_other_why_it_ends_a_call(serve: Serve, phone: Open) -> None:
    bob, alice = await phone(user="bob"), await phone()
    server = await at(serve, bob)

    call = await alice.dial(server.uri("100"))
    await call.wait_ended()
    assert call.messages("BYE")[0].get("Reason") == NORMAL

    call = await alice.dial(server.uri("101"))
    await call.wait_ended()
    assert call.messages(486)[0].get("Reason") == BUSY

    # nobody comes to the phone: our CANCEL says so
    bob.on_call = ring_for_ever
    call = await alice.dial(server.uri("104"))
    await call.wait_ended()
    await bob.calls[0].wait_ended()
    assert bob.calls[0].messages("CANCEL")[0].get("Reason").startswith("Q.850;cause=19;")

    # the caller's own reason, before and after the callee has answered, goes on to the callee
    for number, manner in ((1, ring_for_ever), (2, answer_after(0.0))):
        bob.on_call = manner
        call = await alice.dial(server.uri("102"))
        await call.wait_answered()
        there = await bob.wait_call(number + 1)
        if number == 2:
            await there.wait_answered()
        await call.hangup(headers=(("Reason", 'Q.850;cause=31;text="Gone \\"home\\""'),))
        await there.wait_ended()
        (last,) = there.distinct("CANCEL" if number == 1 else "BYE")
        assert last.get("Reason").startswith("Q.850;cause=31;text=")
        end = await server.ended(3 + number)
        assert end.reason == 'the caller hung up (Q.850 31, Gone "home")'
    assert ends(server, "caller")[-1].startswith("Q.850;cause=31")

    # a CANCEL with a reason, of the caller: nothing was answered yet
    bob.on_call = answer_after(0.0)
    call = await alice.dial(server.uri("102"))
    await call.wait_answered()
    there = await bob.wait_call(4)
    await there.wait_answered()
    await there.hangup(headers=(("Reason", BUSY),))
    await call.wait_ended()
    await server.idle()
    assert ends(server, "callee")[-1] == BUSY


@pytest.mark.rfc("3326", "phones that lose a parallel hunt hear `Call completed elsewhere`")
async def test_who_did_not_get_the_call_shows_no_missed_call(serve: Serve, phone: Open) -> None:
    bob, carol, alice = await phone(user="bob"), await phone(user="carol"), await phone()
    bob.on_call, carol.on_call = ring_for_ever, answer_after(0.3)
    server = await at(serve, bob, carol)
    call = await alice.dial(server.uri("103"))
    lost = await bob.wait_call()
    await lost.wait_ended()
    assert lost.messages("CANCEL")[0].get("Reason").startswith("SIP;cause=200;")
    await call.hangup()
    await server.idle()


@pytest.mark.rfc("3326", "the far end's Reason on CANCEL is on record")
async def test_the_reason_of_a_cancel_is_on_record(serve: Serve, phone: Open) -> None:
    server = await serve(
        """
routes: [{to: "100"}]
sections: {main: [{play: {urls: ["silence:30"], auto_answer: false}}]}
"""
    )
    alice = await phone()
    call = await alice.dial(server.uri("100"))
    await server.until(lambda e: e.type == "leg_changed" and e.state == "early")
    await call.hangup(headers=(("Reason", 'SIP;cause=200;text="Call completed elsewhere"'),))
    end = await server.ended()
    assert end.reason == "the caller hung up (SIP 200, Call completed elsewhere)"
    await server.idle()


@pytest.mark.rfc("3261", "X- headers: into the plan's variables, and out again with connect")
async def test_headers_come_in_as_variables_and_go_out_with_connect(
    serve: Serve, phone: Open
) -> None:
    bob, alice = await phone(user="bob"), await phone()
    server = await at(serve, bob)
    call = await alice.dial(server.uri("102"), headers={"X-Account": "4711"})
    there = await bob.wait_call()
    assert there.invite is not None
    assert (there.invite.get("X-Ticket"), there.invite.get("X-Plan")) == ("t-4711", "gold")
    await call.hangup()
    await server.idle()
