"""Calls of trunks at the front door: whose they are, how many there may be, and the way out."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from sipagent.config import Settings, Sip, Trunk
from sipagent.edge.desk import Leaving, Refused
from sipagent.edge.trunks.status import Reach, Standing
from sipagent.testing.frontdoor import UdpPeer
from sipagent.testing.nameserver import NameServer
from sipagent.testing.ports import free_port
from sipagent.testing.registrar import Registrar

Lines = Callable[..., Awaitable[Any]]
LISTEN = [{"transport": "udp", "port": 0}]


async def edge_with(lines: Lines, trunks: dict[str, dict[str, Any]], **sip: Any) -> Any:
    """An edge where nobody is a guest, and its trunks at work."""
    front = Sip.model_validate({"listen": LISTEN, "guests": [], **sip})
    made = {name: Trunk.model_validate(keys) for name, keys in trunks.items()}
    line = await lines(Settings(sip=front, trunks=made))
    line.edge.trunks.start()
    line.stack.push_async_callback(line.edge.trunks.close)
    return line


def at(peer: Any) -> dict[str, Any]:
    """The keys of a trunk at a peer's address."""
    host, port = peer.address if isinstance(peer, Registrar) else peer.local
    return {"host": host, "port": port, "answer_seconds": 0.3}


def registering(pbx: Registrar) -> dict[str, Any]:
    return at(pbx) | {"username": "7000", "password": "secret", "registration": True}


async def until(line: Any, wanted: Callable[[Any], bool]) -> Any:
    async with asyncio.timeout(10):
        while not wanted(line.edge.trunks.statuses[0]):
            await asyncio.sleep(0.01)
    return line.edge.trunks.statuses[0]


async def registered(line: Any) -> None:
    await until(line, lambda s: s.registration is Standing.REGISTERED)


def contact(pbx: Registrar) -> str:
    """The URI it was told to call us by."""
    return pbx.registers[-1].text(b"contact").partition(b">")[0].decode().lstrip("<")


# calls of a trunk that come in


async def test_a_call_to_the_registered_contact_is_the_trunks(lines: Lines) -> None:
    async with Registrar() as pbx:
        line = await edge_with(lines, {"pbx": registering(pbx)})
        await registered(line)
        stranger = await line.phone()
        _, worker = await line.worker()
        line.send(stranger, stranger.request("INVITE", contact(pbx)))
        await worker.get("INVITE")
        assert line.desk.calls[0].account == "pbx"


@pytest.mark.parametrize("uri", ["sip:7000@{host}:{port}", "sip:7000@{host}:{port};line=0011"])
async def test_a_stranger_who_guesses_is_no_trunk(lines: Lines, uri: str) -> None:
    async with Registrar() as pbx:
        line = await edge_with(lines, {"pbx": registering(pbx)})
        await registered(line)
        stranger = await line.phone()
        host, port = line.public
        line.send(stranger, stranger.request("INVITE", uri.format(host=host, port=port)))
        await stranger.get(403)
        assert line.desk.calls == []


async def test_a_call_from_who_holds_the_registration_is_the_trunks(lines: Lines) -> None:
    async with Registrar() as pbx:
        line = await edge_with(lines, {"pbx": registering(pbx)})
        await registered(line)
        phone = await line.phone()
        _, worker = await line.worker()
        pbx.send(phone.request("INVITE", line.uri("+442079460018")), line.public)
        await worker.get("INVITE")
        assert (line.desk.calls[0].account, line.desk.calls[0].number) == ("pbx", "+442079460018")


@pytest.mark.rfc(
    "3261", "the number called is found in To or P-Called-Party-ID, where the trunk puts it"
)
async def test_the_number_called_is_found_where_the_trunk_put_it(lines: Lines) -> None:
    async with Registrar() as pbx:
        keys = registering(pbx) | {"numbers": {"country": "44"}}
        line = await edge_with(lines, {"pbx": keys})
        await registered(line)
        phone = await line.phone()
        for extra in ((), ("P-Called-Party-ID: <sip:02079460019@pbx.test>",)):
            _, worker = await line.worker()
            invite = phone.request("INVITE", contact(pbx), user="02079460011", extra=extra)
            to = b"To: <" + contact(pbx).encode() + b">"
            line.send(phone, invite.replace(to, b"To: <sip:020-7946-0018@pbx.test>"))
            await worker.get("INVITE")
        first, second = line.desk.calls
        assert (first.number, second.number) == ("+442079460018", "+442079460019")
        assert first.callee == "sip:+442079460018@pbx.test"
        assert first.caller == "sip:+442079460011@127.0.0.1"


@pytest.mark.parametrize(
    ("trust", "extra", "caller"),
    [
        (True, ('P-Asserted-Identity: "A" <sip:+4420@c>, <tel:+4420>',), "sip:+4420@c"),
        (True, ("P-Asserted-Identity: tel:+4420",), "tel:+4420"),
        (
            True,
            ("P-Asserted-Identity: <sip:+4420@c>", "Privacy: id;critical"),
            "sip:anonymous@anonymous.invalid",
        ),
        (True, (), "sip:alice@127.0.0.1"),
        (True, ('P-Asserted-Identity: "A <sip:+4420@c>',), "sip:alice@127.0.0.1"),
        (False, ("P-Asserted-Identity: <sip:+4420@c>",), "sip:alice@127.0.0.1"),
    ],
)
@pytest.mark.rfc("3325", "P-Asserted-Identity of a trusted trunk is the caller's")
async def test_an_asserted_identity_counts_where_the_trunk_is_trusted(
    lines: Lines, trust: bool, extra: tuple[str, ...], caller: str
) -> None:
    keys = {"host": "127.0.0.9", "addresses": ["127.0.0.1/32"], "trust_identity": trust}
    line = await edge_with(lines, {"carrier": keys})
    phone = await line.phone()
    _, worker = await line.worker()
    line.send(phone, phone.request("INVITE", line.uri("100"), extra=extra))
    await worker.get("INVITE")
    assert line.desk.calls[0].caller == caller


async def test_a_trunk_whose_lines_are_busy_is_503_until_one_is_free(lines: Lines) -> None:
    keys = {"host": "127.0.0.9", "addresses": ["127.0.0.1/32"], "calls": 1}
    line = await edge_with(lines, {"carrier": keys})
    phone, token, worker = await line.established(call_id="first@test")
    line.send(phone, phone.request("INVITE", line.uri("100")))
    assert (await phone.get(503)).text(b"retry-after") == b"5"
    assert line.edge.trunks.statuses[0].calls == 1
    bye = phone.request("BYE", line.uri(f"w.{token}"), call_id="first@test", to_tag="wtag", cseq=2)
    line.send(phone, bye)
    worker.respond(await worker.get("BYE"), 200, line.edge.internal_address)
    await phone.get(200)
    assert line.edge.trunks.statuses[0].calls == 0
    _, worker = await line.worker()
    line.send(phone, phone.request("INVITE", line.uri("100")))
    await worker.get("INVITE")


async def test_a_refused_call_occupies_no_line(lines: Lines) -> None:
    keys = {"host": "127.0.0.9", "addresses": ["127.0.0.1/32"], "calls": 1}
    line = await edge_with(lines, {"carrier": keys})
    phone = await line.phone()
    for _ in range(3):  # nobody has a worker for them
        line.send(phone, phone.request("INVITE", line.uri("100")))
        await phone.get(503)
    assert len(line.desk.calls) == 3


async def test_a_trunk_has_its_own_pace(lines: Lines) -> None:
    keys = {"host": "127.0.0.9", "addresses": ["127.0.0.1/32"], "calls_per_second": 0.001}
    line = await edge_with(lines, {"carrier": keys})
    phone = await line.phone()
    _, worker = await line.worker()
    line.send(phone, phone.request("INVITE", line.uri("100")))
    await worker.get("INVITE")
    line.send(phone, phone.request("INVITE", line.uri("100")))
    await phone.get(503)
    assert len(line.desk.calls) == 1


# is it up?


@pytest.mark.rfc("3261", "OPTIONS tell whether a peer is up")
async def test_options_tell_whether_a_trunk_is_up(lines: Lines) -> None:
    async with Registrar() as pbx:
        line = await edge_with(lines, {"pbx": at(pbx) | {"options_seconds": 0.05}})
        await until(line, lambda s: s.reach is Reach.UP)
        pbx.silent = True
        assert pbx.place in (await until(line, lambda s: s.reach is Reach.DOWN)).why
        pbx.silent = False
        await until(line, lambda s: s.reach is Reach.UP and not s.why)
        pbx.options = 503
        assert "503" in (await until(line, lambda s: s.reach is Reach.DOWN)).why
        pbx.options = 405  # any other answer is one of a server that lives
        await until(line, lambda s: s.reach is Reach.UP)
        assert pbx.requests[0].text(b"to") == f"<sip:{pbx.place}>".encode()


async def test_a_trunk_that_is_back_is_registered_at_again(lines: Lines) -> None:
    async with Registrar() as pbx:
        line = await edge_with(lines, {"pbx": registering(pbx) | {"options_seconds": 0.05}})
        await registered(line)
        before = len(pbx.registers)
        pbx.silent = True
        await until(line, lambda s: s.reach is Reach.DOWN)
        pbx.silent = False
        await pbx.until(lambda: len(pbx.registers) > before)


# calls that go out by a trunk


def invite(line: Any, worker: UdpPeer, token: str, trunk: str, **more: Any) -> bytes:
    """What a worker sends for a number of a trunk."""
    extra = (line.route(), f"X-Sipagent-Trunk: {trunk}", *more.pop("extra", ()))
    return worker.request(
        "INVITE",
        more.pop("uri", "sip:+442079460018@carrier.example"),
        contact=f"Contact: <{line.uri('w.' + token)}>",
        extra=extra,
        **more,
    )


@pytest.mark.rfc("3261", "a call leaves by a trunk's outbound proxy, with a loose route to it")
async def test_a_call_goes_where_the_trunk_is_and_says_not_how(lines: Lines) -> None:
    carrier = await UdpPeer.open()
    proxy = f"127.0.0.1:{carrier.local[1]}"
    line = await edge_with(lines, {"carrier": {"host": "carrier.example", "outbound_proxy": proxy}})
    line.stack.callback(carrier.close)
    token, worker = await line.worker(waiting=False)
    worker.send(invite(line, worker, token, "carrier"), line.edge.internal_address)
    got = await carrier.get("INVITE")
    assert got.uri == b"sip:+442079460018@carrier.example"
    assert got.text(b"route") == f"<sip:{proxy};lr>".encode()
    assert got.get(b"x-sipagent-trunk") is None


@pytest.mark.rfc("3261", "a call goes to the registrar that took our registration")
async def test_a_registered_trunk_is_called_where_it_is_registered(lines: Lines) -> None:
    async with Registrar() as pbx:
        keys = registering(pbx) | {"host": "carrier.example", "port": None}
        keys["registration"] = {"registrars": [pbx.place]}
        line = await edge_with(lines, {"pbx": keys})
        await registered(line)
        token, worker = await line.worker(waiting=False)
        worker.send(invite(line, worker, token, "pbx"), line.edge.internal_address)
        await pbx.until(lambda: pbx.requests[-1].method == b"INVITE")
        assert pbx.requests[-1].get(b"route") is None


async def refused(line: Any, worker: UdpPeer, status: int) -> str:
    answer = await worker.get(status)
    return answer.start.decode().partition(" ")[2]


@pytest.mark.parametrize("marked", [True, False])
async def test_a_call_that_may_not_cost_what_it_would_never_leaves(
    lines: Lines, marked: bool
) -> None:
    """Marked for the trunk, or sent to its host past all dialling rules."""
    carrier = await UdpPeer.open("127.0.0.9")
    numbers = {"country": "44", "prefix": "9"}
    host, port = carrier.local
    line = await edge_with(lines, {"carrier": {"host": host, "port": port, "numbers": numbers}})
    line.stack.callback(carrier.close)
    line.desk.toll = Refused(403, "international numbers are not allowed")
    token, worker = await line.worker(waiting=False)
    uri = f"sip:900390236618300@{host}:{port}"
    sent = (
        invite(line, worker, token, "carrier", uri=uri, call_id="dear@1")
        if marked
        else worker.request("INVITE", uri, call_id="dear@1", extra=(line.route(),))
    )
    worker.send(sent, line.edge.internal_address)
    assert await refused(line, worker, 403) == "403 international numbers are not allowed"
    assert line.desk.leaving == [Leaving(token, "carrier", "tel:+390236618300", "dear@1")]
    assert carrier.silent()


@pytest.mark.rfc("3261", "a peer known to be down is not asked")
async def test_a_trunk_that_is_down_refuses_at_once(lines: Lines) -> None:
    async with Registrar() as pbx:
        pbx.options = 503
        line = await edge_with(lines, {"pbx": at(pbx) | {"options_seconds": 60}})
        await until(line, lambda s: s.reach is Reach.DOWN)
        token, worker = await line.worker(waiting=False)
        worker.send(invite(line, worker, token, "pbx"), line.edge.internal_address)
        assert await refused(line, worker, 503) == "503 trunk pbx is down"
        assert {r.method for r in pbx.requests} == {b"OPTIONS"}


async def test_a_full_trunk_takes_no_more_but_the_same_call_with_credentials(
    lines: Lines,
) -> None:
    carrier = await UdpPeer.open()
    line = await edge_with(lines, {"pbx": at(carrier) | {"calls": 1, "calls_per_second": 0.001}})
    line.stack.callback(carrier.close)
    token, worker = await line.worker(waiting=False)
    inside = line.edge.internal_address
    worker.send(invite(line, worker, token, "pbx", call_id="a@1"), inside)
    carrier.respond(await carrier.get("INVITE"), 407, line.public, tag="c")
    await worker.get(407)
    proof = ("Proxy-Authorization: Digest a=b",)
    worker.send(invite(line, worker, token, "pbx", call_id="a@1", cseq=2, extra=proof), inside)
    await carrier.get("INVITE")
    worker.send(invite(line, worker, token, "pbx", call_id="b@1"), inside)
    assert await refused(line, worker, 503) == "503 trunk pbx: all 1 lines are busy"
    assert line.edge.trunks.statuses[0].calls == 1


@pytest.mark.rfc("3263", "an address that keeps silent gives way to the next (4.3)")
async def test_a_silent_address_gives_way_to_the_next_of_its_name(lines: Lines) -> None:
    carrier, dead = await UdpPeer.open(), free_port()
    zone = {
        ("_sip._udp.carrier.example", "SRV"): [
            f"1 0 {dead} a.carrier.example.",
            f"2 0 {carrier.local[1]} a.carrier.example.",
        ],
        ("a.carrier.example", "A"): ["127.0.0.1"],
    }
    async with NameServer(zone) as names:
        keys = {"host": "carrier.example", "answer_seconds": 0.2}
        line = await edge_with(lines, {"carrier": keys}, nameservers=[names.place])
        line.stack.callback(carrier.close)
        token, worker = await line.worker(waiting=False)
        body = "v=0\r\n"
        worker.send(
            invite(line, worker, token, "carrier", call_id="s@1", body=body, branch="z9hG4bKw"),
            line.edge.internal_address,
        )
        got = await carrier.get("INVITE")
        assert got.body == body.encode()
        ring = f"sip:bob@127.0.0.1:{carrier.local[1]}"
        carrier.respond(got, 180, line.public, tag="c", contact=ring)
        await worker.get(180)
        worker.send(
            worker.request(
                "CANCEL", "sip:+442079460018@carrier.example", call_id="s@1",
                branch="z9hG4bKw", extra=(line.route(),),
            ),
            line.edge.internal_address,
        )  # fmt: skip
        assert (await carrier.get("CANCEL")).via.branch == got.via.branch
        # the next call knows better
        worker.send(
            invite(line, worker, token, "carrier", call_id="s@2"), line.edge.internal_address
        )
        assert (await carrier.get("INVITE")).call_id == b"s@2"


@pytest.mark.rfc("3261", "no answer at all is 408, a 2xx that comes too late gets ACK and BYE")
async def test_a_trunk_that_never_answers_is_408_and_a_late_yes_is_hung_up(lines: Lines) -> None:
    carrier = await UdpPeer.open()
    line = await edge_with(lines, {"pbx": at(carrier)})
    line.stack.callback(carrier.close)
    token, worker = await line.worker(waiting=False)
    worker.send(invite(line, worker, token, "pbx", call_id="l@1"), line.edge.internal_address)
    got = await carrier.get("INVITE")
    assert await refused(line, worker, 408) == "408 trunk pbx does not answer"
    here = f"sip:bob@127.0.0.1:{carrier.local[1]}"
    carrier.respond(got, 200, line.public, tag="c", contact=here)
    assert (await carrier.get("ACK")).cseq.number == 1
    bye = await carrier.get("BYE")
    carrier.respond(bye, 200, line.public)
    assert line.edge.trunks.statuses[0].calls == 0
    assert line.edge.dialogs == 0
    assert worker.silent()


@pytest.mark.rfc("3263", "a name without records is a failure that says so")
async def test_a_name_that_does_not_exist_is_503_with_the_reason(lines: Lines) -> None:
    async with NameServer({}) as names:
        keys = {"host": "carrier.example"}
        line = await edge_with(lines, {"carrier": keys}, nameservers=[names.place])
        token, worker = await line.worker(waiting=False)
        worker.send(invite(line, worker, token, "carrier"), line.edge.internal_address)
        assert await refused(line, worker, 503) == "503 carrier.example: no such name"
