"""SIP over TLS: who proves what to whom, and certificates that change under a call."""

import asyncio
import ssl
from contextlib import suppress
from typing import Any

import pytest

from sipagent.config import Tls, Trunk
from sipagent.errors import SipAgentError
from sipagent.events import SipMessage, VerbDone
from sipagent.testing.baresip import Baresip
from sipagent.testing.carrying import carried
from sipagent.testing.phone import Phone
from sipagent.testing.server import Server
from sipagent.testing.signals import noise, share
from sipagent.worker.protocol import HangUp

Serve = Any
Authority = Any

DIAL = """
version: 1.0.0
routes: [{to: "100"}]
policy: {destinations: ["sip:*", "sips:*", "+44*"]}
sections:
  main:
    - answer
    - connect: {to: "TARGET"}
    - hangup
"""


async def _closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


async def _shown(address: tuple[str, int], authority: Authority, name: str = "127.0.0.1") -> str:
    """The serial number of the certificate a server shows to who asks for `name`."""
    context = ssl.create_default_context(cafile=str(authority.file))
    context.check_hostname = False
    _, writer = await asyncio.open_connection(*address, ssl=context, server_hostname=name)
    serial: str = writer.get_extra_info("peercert")["serialNumber"]
    await _closed(writer)
    return serial


def _own(authority: Authority, **more: Any) -> Tls:
    return Tls(certificates=(authority.issue("server", "127.0.0.1"),), **more)


@pytest.mark.parametrize("scheme", ["sip", "sips"])
@pytest.mark.rfc("3261", "a call over TLS keeps to its connection")
async def test_a_phone_calls_over_tls_and_all_stays_on_its_connection(
    serve: Serve, authority: Authority, scheme: str
) -> None:
    server = await serve(None, "tls", tls=_own(authority))
    async with Phone(user="alice", transport="tls", tls=authority.ends()) as alice:
        host, port = server.address("tls")
        call = await alice.dial(server.uri("100", "tls").replace("sip:", f"{scheme}:", 1))
        await call.wait_answered()
        target = call.session.dialog.target
        end = f"@{host}:{port}" if scheme == "sips" else f"@{host}:{port};transport=tls"
        assert target.startswith(f"{scheme}:w.") and target.endswith(end)
        assert await carried(call)
        await call.hold()
        await call.resume()
        server.worker(call.id).send(HangUp())
        ended = await call.wait_ended()
        assert ended.by == "remote"
    assert server.gateway.edge.counters.connections == 1


async def test_plain_bytes_and_old_versions_on_the_tls_port_do_no_harm(
    serve: Serve, authority: Authority
) -> None:
    server = await serve(None, "tls", tls=_own(authority))
    address = server.address("tls")
    reader, writer = await asyncio.open_connection(*address)
    writer.write(b"OPTIONS sip:x SIP/2.0\r\n\r\n")
    await asyncio.wait_for(reader.read(), 10)
    await _closed(writer)
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.load_verify_locations(authority.file)
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    _, writer = await asyncio.open_connection(*address, ssl=old)
    await _closed(writer)
    with pytest.warns(DeprecationWarning):
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await asyncio.open_connection(*address, ssl=old)
    async with Phone(transport="tls", tls=authority.ends()) as phone:
        assert await phone.options(server.uri("100", "tls")) == 200


@pytest.mark.rfc("5922", "each domain shows its own certificate (SNI)")
async def test_each_name_gets_its_own_certificate(serve: Serve, authority: Authority) -> None:
    first = authority.issue("first", "127.0.0.1", "sip.example")
    other = authority.issue("other", "*.pbx.example", names=("*.pbx.example",))
    server = await serve(None, "tls", tls=Tls(certificates=(first, other)))
    address = server.address("tls")
    usual = await _shown(address, authority)
    assert await _shown(address, authority, "sip.example") == usual
    assert await _shown(address, authority, "a.b.pbx.example") == usual
    assert await _shown(address, authority, "one.PBX.example") != usual


@pytest.mark.rfc("3261", "client certificates are asked for where the settings say so (26.3.1)")
async def test_certificates_are_asked_of_clients_where_the_settings_say_so(
    serve: Serve, authority: Authority
) -> None:
    wanted = _own(authority, clients="required", authorities=authority.file)
    server = await serve(None, "tls", tls=wanted)
    async with Phone(transport="tls", tls=authority.ends(own=True)) as known:
        assert await known.options(server.uri("100", "tls")) == 200
    stranger = authority.ends().client
    reader, writer = await asyncio.open_connection(*server.address("tls"), ssl=stranger)
    with suppress(ssl.SSLError, ConnectionError):  # with TLS 1.3 it hears of it afterwards
        assert await asyncio.wait_for(reader.read(), 10) == b""
    await _closed(writer)
    assert server.gateway.edge.counters.connections == 1


async def test_a_reload_shows_new_certificates_and_leaves_live_calls_alone(
    serve: Serve, authority: Authority
) -> None:
    server = await serve(None, "tls", tls=_own(authority))
    address = server.address("tls")
    async with Phone(user="alice", transport="tls", tls=authority.ends()) as alice:
        call = await alice.dial(server.uri("100", "tls"))
        await call.wait_answered()
        before = await _shown(address, authority)
        authority.issue("server", "127.0.0.1")
        assert await _shown(address, authority) == before
        server.gateway.reload()
        after = await _shown(address, authority)
        assert after != before
        (authority.folder / "server.key").write_text("no key")
        server.gateway.reload()
        assert await _shown(address, authority) == after
        assert await carried(call)
        await call.hold()
        await call.resume()
        assert (await call.hangup()).status == 200
    assert (await server.ended()).status == 200


async def test_a_server_does_not_start_with_a_key_that_does_not_fit(
    serve: Serve, authority: Authority
) -> None:
    good = authority.issue("server", "127.0.0.1")
    wrong = good.model_copy(update={"key": authority.issue("other", "x.example").key})
    with pytest.raises(SipAgentError, match=r"server\.pem: KEY_VALUES_MISMATCH"):
        await serve(None, "tls", tls=Tls(certificates=(wrong,)))


async def _put_through(alice: Phone, server: Server) -> VerbDone:
    """Call the plan that dials, and hear how that came out."""
    call = await alice.dial(server.uri("100"))
    await call.wait_answered()
    done = await server.until(lambda e: isinstance(e, VerbDone) and e.verb == "connect")
    assert isinstance(done, VerbDone)
    return done


@pytest.mark.parametrize("way", ["sips:bob@localhost:{}", "sip:bob@localhost:{};transport=tls"])
@pytest.mark.rfc("5922", "a server's certificate is checked against the name that was called")
async def test_a_callee_over_tls_is_verified_and_connected(
    serve: Serve, authority: Authority, way: str
) -> None:
    ends = authority.ends("localhost")
    async with Phone(user="bob", transport="tls", tls=ends) as bob, Phone(user="alice") as alice:
        plan = DIAL.replace("TARGET", way.format(bob.address[1]))
        server = await serve(plan, "udp", "tls", tls=_own(authority, authorities=authority.file))
        call = await alice.dial(server.uri("100"))
        await call.wait_answered()
        callee = await bob.wait_call()
        assert callee.invite is not None
        assert callee.invite.all("Via")[0].startswith("SIP/2.0/TLS")
        assert ";transport=tls" in callee.invite.get("Contact")
        assert await carried(call, callee)
        await callee.hangup()
        assert (await call.wait_ended()).by == "remote"


@pytest.mark.parametrize(
    ("hosts", "reason"),
    [
        (("pbx.example",), "the certificate shown for localhost is refused: Hostname mismatch"),
        ((), "the certificate shown for localhost is refused: unable to get local issuer"),
    ],
)
@pytest.mark.rfc("5922", "a certificate for another name is refused")
async def test_a_far_end_that_cannot_prove_its_name_is_refused_in_plain_words(
    serve: Serve, authority: Authority, hosts: tuple[str, ...], reason: str
) -> None:
    maker = authority if hosts else type(authority)(authority.folder / "strangers")
    ends = maker.ends(*(hosts or ("localhost",)))
    async with Phone(user="bob", transport="tls", tls=ends) as bob, Phone(user="alice") as alice:
        target = f"sip:bob@localhost:{bob.address[1]};transport=tls"
        trusting = Tls(authorities=authority.file)
        server = await serve(DIAL.replace("TARGET", target), "udp", tls=trusting)
        done = await _put_through(alice, server)
        assert (done.ok, done.status) == (False, 503)
        assert bob.calls == []
        said = [e.start_line for e in server.events if isinstance(e, SipMessage)]
        assert any(line.startswith("SIP/2.0 503") and reason in line for line in said)


@pytest.mark.rfc("3261", "a trunk over TLS")
async def test_a_trunk_over_tls_takes_numbers(serve: Serve, authority: Authority) -> None:
    ends = authority.ends("localhost")
    async with Phone(user="pbx", transport="tls", tls=ends) as pbx, Phone(user="alice") as alice:
        trunk = Trunk(host="localhost", transport="tls", port=pbx.address[1])
        server = await serve(
            DIAL.replace("TARGET", "+44123"),
            "udp",
            tls=Tls(authorities=authority.file),
            trunks={"carrier": trunk},
        )
        done = asyncio.create_task(_put_through(alice, server))
        callee = await pbx.wait_call()
        assert callee.invite is not None
        assert callee.invite.uri == f"sip:+44123@localhost:{pbx.address[1]};transport=tls"
        await callee.wait_answered()
        await callee.hangup()
        assert (await done).ok


@pytest.mark.peer
@pytest.mark.slow
@pytest.mark.parametrize("encryption", ["", "srtp"])
@pytest.mark.rfc("3261", "baresip talks over TLS")
async def test_baresip_talks_over_tls(serve: Serve, authority: Authority, encryption: Any) -> None:
    server = await serve(None, "tls", tls=_own(authority))
    host, port = server.address("tls")
    said = noise(8, 2000, 8000)
    async with Baresip(
        registrar=f"{host}:{port}",
        transport="tls",
        authorities=authority.file,
        play=said + bytes(16_000 * 30),
        media_encryption=encryption,
    ) as phone:
        await phone.dial(server.uri("100", "tls"))
        await phone.wait_event("CALL_ESTABLISHED")
        await asyncio.sleep(3)
        await phone.hold()
        await phone.resume()
        await phone.hangup()
        assert (await server.ended()).status == 200
        assert share(said, phone.heard(), 8000) >= 0.7
