"""One INVITE of ours, several answers: forked ones, and those that point elsewhere (3xx)."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from sipagent.edge.desk import Address
from sipagent.edge.message import Message
from sipagent.events import PolicyDecided, VerbDone
from sipagent.testing.frontdoor import UdpPeer
from sipagent.testing.phone import refuse_with

Serve = Any
Open = Any

CONNECTS = """
routes: [{to: "100"}]
policy: {destinations: ALLOWED}
sections:
  main:
    - answer
    - connect: {to: "CALLEE", timeout: 10, ringback: []}
    - hangup
"""
SDP = b"""v=0\r
o=- 1 1 IN IP4 127.0.0.1\r
s=-\r
c=IN IP4 127.0.0.1\r
t=0 0\r
m=audio 40000 RTP/AVP 0\r
"""


def connects(to: str, allowed: str = '["sip:*@127.0.0.1:*"]') -> str:
    """A plan that connects every caller."""
    return CONNECTS.replace("CALLEE", to).replace("ALLOWED", allowed)


@pytest.fixture
async def proxy() -> AsyncIterator[UdpPeer]:
    """A forking proxy, and all the phones behind it."""
    peer = await UdpPeer.open()
    yield peer
    peer.close()


def uri(peer: UdpPeer) -> str:
    return f"sip:bob@127.0.0.1:{peer.local[1]}"


def respond(
    peer: UdpPeer, invite: Message, status: int, tag: str, to: Address, **more: Any
) -> None:
    """Answer for one of the phones; each says its Contact by its name."""
    contact = f"sip:{tag}@127.0.0.1:{peer.local[1]}"
    typed = (("Content-Type", "application/sdp"),) if more.get("body") else ()
    extra = (*more.pop("extra", ()), *typed)
    peer.respond(invite, status, to, tag=tag, contact=contact, extra=extra, **more)


@pytest.mark.rfc("3261", "forked INVITE: of several 2xx the first wins, others get ACK and BYE")
@pytest.mark.rfc("3326", "those that lose hear `Call completed elsewhere`")
async def test_of_several_that_answer_the_first_has_the_call(
    serve: Serve, phone: Open, proxy: UdpPeer
) -> None:
    server, alice = await serve(connects(uri(proxy))), await phone()
    call = await alice.dial(server.uri("100"))
    invite = await proxy.get("INVITE")
    to = server.address()
    respond(proxy, invite, 180, "desk", to)
    respond(proxy, invite, 183, "mobile", to, body=SDP)
    respond(proxy, invite, 180, "attic", to)
    respond(proxy, invite, 200, "mobile", to, body=SDP)
    ack = await proxy.get("ACK")
    assert (ack.to.tag, ack.uri.split(b"@")[0]) == (b"mobile", b"sip:mobile")
    for loser in ("desk", "attic"):
        respond(proxy, invite, 200, loser, to, body=SDP)
        ack, bye = await proxy.get("ACK"), await proxy.get("BYE")
        assert ack.to.tag == bye.to.tag == loser.encode()
        assert bye.uri.startswith(f"sip:{loser}@".encode())
        assert b"cause=200" in bye.text(b"reason")
        proxy.respond(bye, 200, to)
    # the 2xx again, because our ACK was lost: an ACK and nothing more
    respond(proxy, invite, 200, "attic", to, body=SDP)
    assert (await proxy.get("ACK")).to.tag == b"attic"
    respond(proxy, invite, 200, "mobile", to, body=SDP)
    assert (await proxy.get("ACK")).to.tag == b"mobile"
    await call.hangup()
    bye = await proxy.get("BYE")
    assert bye.to.tag == b"mobile"
    proxy.respond(bye, 200, to)
    await server.ended()
    await server.idle()


@pytest.mark.rfc("3262", "reliable provisional responses of several branches are each acknowledged")
async def test_branches_that_ring_reliably_are_each_acknowledged(
    serve: Serve, phone: Open, proxy: UdpPeer
) -> None:
    server, alice = await serve(connects(uri(proxy))), await phone()
    call = await alice.dial(server.uri("100"))
    invite = await proxy.get("INVITE")
    to = server.address()
    for name, number in (("desk", 7), ("mobile", 70)):
        sure = (("Require", "100rel"), ("RSeq", str(number)))
        respond(proxy, invite, 180, name, to, extra=sure)
        prack = await proxy.get("PRACK")
        assert (prack.to.tag, prack.uri.split(b"@")[0]) == (name.encode(), f"sip:{name}".encode())
        assert prack.text(b"rack").startswith(b"%d " % number)
        proxy.respond(prack, 200, to)
    respond(proxy, invite, 200, "mobile", to, body=SDP)
    assert (await proxy.get("ACK")).to.tag == b"mobile"
    await call.hangup()
    bye = await proxy.get("BYE")
    assert bye.to.tag == b"mobile"
    proxy.respond(bye, 200, to)
    await server.idle()


async def outcome(server: Any) -> VerbDone:
    """How the connect came out; its event may come after the caller's BYE."""
    done = await server.until(lambda e: isinstance(e, VerbDone) and e.verb == "connect")
    assert isinstance(done, VerbDone)
    return done


@pytest.mark.rfc("3261", "redirects (3xx) are followed, as policy permits, best Contact first")
async def test_a_redirect_is_followed_to_the_first_place_policy_permits(
    serve: Serve, phone: Open
) -> None:
    moved, gone, new = [await phone(user=name) for name in ("moved", "gone", "new")]
    gone.on_call = refuse_with(480)
    contact = f"<{new.uri}>;q=0.3, <sip:evil@192.0.2.1>;q=0.9, <{gone.uri}>;q=0.5"
    moved.on_call = refuse_with(302, (("Contact", contact),))
    server, alice = await serve(connects(moved.uri)), await phone()
    call = await alice.dial(server.uri("100"))
    there = await new.wait_call()
    await server.until(
        lambda e: e.type == "leg_changed" and e.state == "confirmed" and e.leg != "leg-1"
    )
    assert len(gone.calls) == 1
    await call.hangup()
    assert (await there.wait_ended()).by == "remote"
    await server.idle()
    judged = [(e.reason.split(" ")[0], e.allowed) for e in server.events
              if isinstance(e, PolicyDecided) and e.verb == "redirect"]  # fmt: skip
    assert judged == [("sip:evil@192.0.2.1", False), (gone.uri, True), (new.uri, True)]


@pytest.mark.rfc(
    "3261", "redirects in a loop, or to where policy does not permit, are not followed"
)
async def test_a_redirect_that_is_not_followed_is_told_in_words(serve: Serve, phone: Open) -> None:
    moved, other = await phone(user="moved"), await phone(user="other")
    server, alice = (
        await serve(connects(moved.uri, '["sip:moved@*", "sip:other@*"]')),
        await phone(),
    )

    moved.on_call = refuse_with(302, (("Contact", "<sip:+1900@127.0.0.1>"),))
    call = await alice.dial(server.uri("100"))
    await call.wait_ended()
    assert (await outcome(server)).status == 302
    assert (
        "moved was redirected to sip:+1900@127.0.0.1, which is not an allowed"
        in (await outcome(server)).detail
    )

    server.events.clear()
    moved.on_call = refuse_with(301, (("Contact", f"<{other.uri}>"),))
    other.on_call = refuse_with(301, (("Contact", f"<{moved.uri}>"),))
    call = await alice.dial(server.uri("100"))
    await call.wait_ended()
    assert f"was redirected in a loop to {moved.uri}" in (await outcome(server)).detail
    assert (len(moved.calls), len(other.calls)) == (2, 1)

    server.events.clear()
    moved.on_call = refuse_with(302)
    call = await alice.dial(server.uri("100"))
    await call.wait_ended()
    assert "was redirected to nowhere" in (await outcome(server)).detail
    await server.idle()
