"""Who may call: trunks, phones, guests; and how fast."""

from collections.abc import Awaitable, Callable
from ipaddress import IPv4Network
from typing import Any

import pytest
from pydantic import SecretStr

from sipagent.config import Limits, Listener, Phone, Settings, Sip, Trunk
from sipagent.edge.auth import Authenticator, Proof
from sipagent.edge.guard import TokenBucket
from sipagent.edge.message import Message, parse
from sipagent.testing.digest import authorization
from sipagent.testing.frontdoor import UdpPeer

Line = Any
Lines = Callable[..., Awaitable[Line]]
LISTEN = (Listener(port=0), Listener(transport="tcp", port=0))
NOBODY = (IPv4Network("192.0.2.0/24"),)
PHONES = {"1001": Phone(password=SecretStr("s3cret"))}


def request(*extra: str, uri: str = "sip:100@x") -> Message:
    return parse(UdpPeer(("127.0.0.1", 5060), "UDP").request("INVITE", uri, extra=extra))


class Clock:
    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def door(clock: Clock) -> Authenticator:
    return Authenticator("sipagent", {"1001": "s3cret"}, clock)


def ask(door: Authenticator) -> str:
    return door.challenge(request(), stale=False)[0].value.decode()


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
@pytest.mark.parametrize("name", ["Authorization", "Proxy-Authorization"])
@pytest.mark.rfc("7616", "digest with qop=auth is checked, MD5 and SHA-256")
def test_the_right_password_is_proof(door: Authenticator, algorithm: str, name: str) -> None:
    given = authorization(ask(door), "s3cret", algorithm=algorithm, name=name)
    assert door.prove(request(given)) == (Proof.GOOD, "1001")


@pytest.mark.rfc("8760", "both algorithms are offered, the stronger first")
def test_both_algorithms_are_offered_the_stronger_first(door: Authenticator) -> None:
    offered = [h.value.decode() for h in door.challenge(request(), stale=True)]
    assert ["algorithm=SHA-256" in offered[0], "algorithm=MD5" in offered[1]] == [True, True]
    assert all("stale=true" in value for value in offered)


def test_a_phone_that_chokes_on_sha_256_is_not_offered_it(door: Authenticator) -> None:
    old = request("User-Agent: baresip v1.0.0 (x86_64/linux)")
    offered = [h.value.decode() for h in door.challenge(old, stale=False)]
    assert len(offered) == 1
    assert "algorithm=MD5" in offered[0]


@pytest.mark.parametrize(
    "wrong",
    [
        {"password": "guess"},
        {"user": "1002"},
        {"method": "BYE"},
        {"uri": "sip:900@x"},
    ],
)
def test_anything_else_is_wrong(door: Authenticator, wrong: dict[str, str]) -> None:
    password = wrong.pop("password", "s3cret")
    given = authorization(ask(door), password, **wrong)  # type: ignore[arg-type]
    assert door.prove(request(given))[0] is Proof.WRONG


@pytest.mark.rfc("7616", "a nonce count serves once")
def test_a_nonce_count_serves_once(door: Authenticator) -> None:
    challenge = ask(door)
    first = request(authorization(challenge, "s3cret"))
    assert door.prove(first)[0] is Proof.GOOD
    assert door.prove(first)[0] is Proof.STALE
    assert door.prove(request(authorization(challenge, "s3cret", nc=2)))[0] is Proof.GOOD


@pytest.mark.rfc("7616", "a nonce grows old: stale=true")
def test_a_nonce_grows_old(door: Authenticator, clock: Clock) -> None:
    given = request(authorization(ask(door), "s3cret"))
    clock.time += 301
    assert door.prove(given)[0] is Proof.STALE


@pytest.mark.rfc("7616", "a nonce we did not make proves nothing")
def test_a_nonce_of_our_own_making_is_no_nonce_of_theirs(door: Authenticator, clock: Clock) -> None:
    forged = Authenticator("sipagent", {}, clock)
    assert door.prove(request(authorization(ask(forged), "s3cret")))[0] is Proof.STALE


@pytest.mark.parametrize(
    "value", ["Basic abc", 'Digest realm="sipagent", qop=auth-int', 'Digest x="']
)
@pytest.mark.rfc("7616", "credentials that cannot be read prove nothing")
def test_credentials_that_cannot_be_read_prove_nothing(door: Authenticator, value: str) -> None:
    assert door.prove(request(f"Authorization: {value}"))[0] is not Proof.GOOD


def test_the_bucket_lets_a_burst_through_and_then_the_rate(clock: Clock) -> None:
    bucket = TokenBucket(2.0, clock)
    assert [bucket.take() for _ in range(3)] == [True, True, False]
    clock.time += 0.5
    assert [bucket.take() for _ in range(2)] == [True, False]


async def test_a_phone_is_challenged_and_known_by_name(lines: Lines) -> None:
    line = await lines(Settings(sip=Sip(listen=LISTEN, guests=NOBODY), phones=PHONES))
    phone = await line.phone()
    _, worker = await line.worker()
    uri = line.uri("100")
    line.send(phone, phone.request("INVITE", uri, call_id="au@1"))
    challenge = (await phone.get(401)).text(b"www-authenticate").decode()
    assert line.desk.calls == []
    proof = authorization(challenge, "s3cret", uri=uri, algorithm="SHA-256")
    line.send(phone, phone.request("INVITE", uri, call_id="au@1", cseq=2, extra=(proof,)))
    got = await worker.get("INVITE")
    assert got.get(b"authorization") is None
    assert line.desk.calls[0].account == "1001"
    assert "Authorization" not in line.desk.calls[0].headers


async def test_a_wrong_password_is_403_even_for_a_guest(lines: Lines) -> None:
    line = await lines(Settings(sip=Sip(listen=LISTEN), phones=PHONES))
    phone = await line.phone()
    proof = authorization('nonce="x"', "guess", uri=line.uri("100"))
    line.send(phone, phone.request("INVITE", line.uri("100"), extra=(proof,)))
    await phone.get(403)
    line.send(phone, phone.request("INVITE", line.uri("100")))
    await phone.get(503)
    assert line.desk.calls[0].account is None


async def test_strangers_are_403_where_there_are_no_phones(lines: Lines) -> None:
    line = await lines(Settings(sip=Sip(listen=LISTEN, guests=NOBODY)))
    phone = await line.phone()
    line.send(phone, phone.request("INVITE", line.uri("100")))
    await phone.get(403)
    assert line.desk.calls == []


async def test_a_trunk_is_known_by_its_address(lines: Lines) -> None:
    trunk = Trunk(host="127.0.0.9", addresses=(IPv4Network("127.0.0.1/32"),))
    settings = Settings(sip=Sip(listen=LISTEN, guests=NOBODY), trunks={"carrier": trunk})
    line = await lines(settings)
    phone = await line.phone()
    _, worker = await line.worker()
    line.send(phone, phone.request("INVITE", line.uri("100")))
    await worker.get("INVITE")
    assert line.desk.calls[0].account == "carrier"


async def test_too_many_calls_a_second_are_503(lines: Lines) -> None:
    settings = Settings(sip=Sip(listen=LISTEN), limits=Limits(calls_per_second=0.001))
    line = await lines(settings)
    phone = await line.phone()
    _, worker = await line.worker()
    line.send(phone, phone.request("INVITE", line.uri("100")))
    await worker.get("INVITE")
    line.send(phone, phone.request("INVITE", line.uri("100")))
    assert (await phone.get(503)).text(b"retry-after") == b"1"
