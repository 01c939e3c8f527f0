"""IPv6 beside IPv4, signalling and media, both ways."""

import asyncio
from ipaddress import IPv4Network, IPv6Network
from typing import Any

import pytest

from sipagent.config import Listener, Rtp, Sip
from sipagent.events import Warned
from sipagent.testing.carrying import carried
from sipagent.testing.phone import Phone
from sipagent.testing.sending import Sender

Serve = Any
DIAL = """
version: 1.0.0
routes: [{to: "100"}]
policy: {destinations: ["sip:*"]}
sections:
  main: [answer, {connect: {to: "TARGET"}}, hangup]
"""


def _both(*transports: Any) -> dict[str, Any]:
    """Settings of a server on 127.0.0.1 and ::1."""
    listen = [
        Listener(transport=t, host=host, port=0)
        for t in transports or ("udp",)
        for host in ("127.0.0.1", "::1")
    ]
    guests = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))
    return {"sip": Sip(listen=tuple(listen), guests=guests), "rtp": Rtp(ipv6_host="::1")}


def _uri(server: Any, number: str, transport: str, host: str) -> str:
    address = next(
        a for kind, a in server.gateway.edge.bound if (kind, a[0]) == (transport.upper(), host)
    )
    place = f"[{host}]" if ":" in host else host
    suffix = "" if transport == "udp" else f";transport={transport}"
    return f"sip:{number}@{place}:{address[1]}{suffix}"


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.rfc("3261", "a call over IPv6")
async def test_a_phone_on_ipv6_talks_beside_one_on_ipv4(serve: Serve, transport: Any) -> None:
    server = await serve(None, **_both(transport))
    async with (
        Phone(host="::1", transport=transport) as six,
        Phone(transport=transport) as four,
    ):
        first = await six.dial(_uri(server, "100", transport, "::1"))
        second = await four.dial(_uri(server, "100", transport, "127.0.0.1"))
        await first.wait_answered()
        await second.wait_answered()
        for call, host in ((first, "::1"), (second, "127.0.0.1")):
            remote = call.media.remote
            assert remote is not None
            assert remote.host == host
            assert call.stream.address[0] == host
        assert all(await asyncio.gather(carried(first), carried(second)))
        await first.hold()
        await first.resume()
        assert await carried(first)
        await first.press("5")
        assert (await first.hangup()).status == 200
        assert (await second.hangup()).status == 200
        await server.ended(2)


@pytest.mark.rfc("4566", "IPv6 addresses in SDP (c=IN IP6), late offer too")
async def test_a_caller_without_an_offer_gets_an_ipv6_one(serve: Serve) -> None:
    server = await serve(None, **_both())
    async with Phone(host="::1") as phone:
        call = await phone.dial(_uri(server, "100", "udp", "::1"), offer=False)
        await call.wait_answered()
        assert call.media.remote is not None
        assert call.media.remote.host == "::1"
        assert await carried(call)


@pytest.mark.rfc("6157", "a caller on IPv4 talks to a phone on IPv6")
async def test_a_caller_on_ipv4_is_put_through_to_a_phone_on_ipv6(serve: Serve) -> None:
    async with Phone(user="bob", host="::1") as bob, Phone() as alice:
        server = await serve(DIAL.replace("TARGET", bob.uri), **_both())
        call = await alice.dial(_uri(server, "100", "udp", "127.0.0.1"))
        await call.wait_answered()
        callee = await bob.wait_call()
        await callee.wait_answered()
        assert all(await asyncio.gather(carried(call, callee), carried(callee, call)))
        await call.hangup()
        assert (await callee.wait_ended()).by == "remote"


async def test_a_silent_caller_on_ipv6_is_diagnosed_by_its_true_address(serve: Serve) -> None:
    class Mute(Sender):
        def next(self, now: float, *, sending: bool) -> bytes | None:
            return super().next(now, sending=False)

    server = await serve(None, **_both())
    async with Phone(host="::1") as phone:
        call = await phone.dial(_uri(server, "100", "udp", "::1"))
        call.stream.sender = Mute()
        await call.wait_answered()
        warned = await server.until(lambda e: isinstance(e, Warned))
        assert isinstance(warned, Warned)
        assert f"between [::1]:{call.stream.address[1]} and us" in warned.detail
