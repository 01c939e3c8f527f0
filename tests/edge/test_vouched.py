"""Whose word for a source counts, and that it then counts everywhere at the door."""

from collections.abc import Awaitable, Callable
from ipaddress import IPv4Network
from typing import Any

from pydantic import SecretStr

from sipagent.config import Cluster, Front, Guard, Listener, Phone, Settings, Sip, Trunk
from sipagent.config.guard import Bans
from sipagent.edge.desk import Refused
from sipagent.testing.digest import authorization

Line = Any
Lines = Callable[..., Awaitable[Line]]
LISTEN = (Listener(port=0),)
#: the proxy, and somebody who is none
FRONT, STRANGER = "127.0.0.7", "127.0.0.8"
CARRIER = Trunk(host="192.0.2.9", addresses=(IPv4Network("192.0.2.9/32"),))


def settings(**more: Any) -> Settings:
    front = Front(address="192.0.2.1:5060", trusted=(IPv4Network(f"{FRONT}/32"),))
    guests = (IPv4Network("203.0.113.0/24"),)
    told: dict[str, Any] = {
        "sip": Sip(listen=LISTEN, guests=guests),
        "cluster": Cluster(front=front),
        "trunks": {"carrier": CARRIER},
    }
    return Settings(**(told | more))


def said(source: str) -> str:
    return f"X-Sipagent-Source: {source}"


async def test_a_call_by_the_proxy_is_of_whom_the_proxy_says(lines: Lines) -> None:
    line = await lines(settings())
    front = await line.phone(FRONT)
    _, worker = await line.worker()
    extra = (said("192.0.2.9:5080;transport=tcp"),)
    line.send(front, front.request("INVITE", line.uri("100"), extra=extra))
    invite = await worker.get("INVITE")
    assert invite.get(b"x-sipagent-source") is None
    (call,) = line.desk.calls
    assert (call.account, call.source) == ("carrier", ("192.0.2.9", 5080))
    assert not any(name.lower() == "x-sipagent-source" for name in call.headers)
    await front.get(100)  # who answers is answered where it is, not where the source is


async def test_a_guest_behind_the_proxy_is_a_guest(lines: Lines) -> None:
    line = await lines(settings())
    front = await line.phone(FRONT)
    _, worker = await line.worker()
    extra = (said("203.0.113.5:5060"),)
    line.send(front, front.request("INVITE", line.uri("100"), extra=extra))
    await worker.get("INVITE")
    assert line.desk.calls[0].account is None


async def test_nobody_else_is_believed(lines: Lines) -> None:
    line = await lines(settings())
    stranger = await line.phone(STRANGER)
    extra = (said("192.0.2.9:5060"),)
    line.send(stranger, stranger.request("INVITE", line.uri("100"), extra=extra))
    await stranger.get(403)
    assert line.desk.calls == []
    assert line.edge.counters.forged_source == 1


async def test_the_proxy_itself_is_nobody_to_us(lines: Lines) -> None:
    line = await lines(settings())
    front = await line.phone(FRONT)
    line.send(front, front.request("INVITE", line.uri("100")))
    await front.get(403)


async def test_what_the_proxy_says_must_be_an_address(lines: Lines) -> None:
    line = await lines(settings())
    front = await line.phone(FRONT)
    for nonsense in ("carrier", "192.0.2.9", "192.0.2.999:5060", "192.0.2.9:70000", "1:1, 2:2"):
        extra = (said(nonsense),)
        line.send(front, front.request("INVITE", line.uri("100"), extra=extra))
    twice = (said("192.0.2.9:5060"), said("203.0.113.5:5060"))
    line.send(front, front.request("INVITE", line.uri("100"), extra=twice))
    line.send(front, front.request("OPTIONS", line.uri("100")))
    await front.get(200)
    assert (line.edge.counters.bad, line.desk.calls) == (6, [])


async def test_a_ban_takes_the_source_and_never_the_proxy(lines: Lines) -> None:
    bans = Bans(failed_logins=2)
    phones = {"1001": Phone(password=SecretStr("s3cret"))}
    line = await lines(settings(phones=phones, guard=Guard(bans=bans)))
    front = await line.phone(FRONT)
    uri = line.uri("100")
    guesser = (said("198.51.100.66:5060"),)
    for n in range(2):
        line.send(front, front.request("INVITE", uri, call_id=f"g{n}", extra=guesser))
        asked = (await front.get(401)).text(b"www-authenticate").decode()
        proof = authorization(asked, "guess", uri=uri, algorithm="SHA-256")
        tried = (*guesser, proof)
        line.send(front, front.request("INVITE", uri, call_id=f"g{n}", cseq=2, extra=tried))
        await front.get(403)
    assert [ban.source for ban in line.edge.doorman.bans] == ["198.51.100.66"]
    line.send(front, front.request("INVITE", uri, call_id="banned", extra=guesser))
    other = (said("203.0.113.5:5060"),)
    line.send(front, front.request("INVITE", uri, call_id="other", extra=other))
    assert (await front.get(503)).call_id == b"other"  # no worker stands ready, but it was heard
    line.edge.doorman.ban(FRONT, "by hand")
    line.send(front, front.request("OPTIONS", uri))
    await front.get(200)


async def test_a_dispatcher_is_told_that_no_call_is_taken(lines: Lines) -> None:
    line = await lines(settings())
    front = await line.phone(FRONT)
    line.desk.shut = Refused(503, "Service Unavailable", 5)
    line.send(front, front.request("OPTIONS", line.uri("")))
    assert (await front.get(503)).text(b"retry-after") == b"5"
    line.desk.shut = None
    line.send(front, front.request("OPTIONS", line.uri("")))
    await front.get(200)
