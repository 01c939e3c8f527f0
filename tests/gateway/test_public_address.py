"""What STUN says of us is what peers are told, also when it becomes another address."""

from pathlib import Path

import pytest

from sipagent.app.whereabouts import Unlocated
from sipagent.config import Listener, Rtp, Sip, Trunk
from sipagent.edge.headers import parse_name_addr, parse_uri
from sipagent.testing.phone import Phone
from sipagent.testing.registrar import Registrar
from sipagent.testing.server import Server, running
from sipagent.testing.stun import StunStub, coturn

PLAN = """
routes: [{to: "100"}]
sections:
  main: [answer, {sleep: 60000}]
"""
ANYWHERE = (Listener(host="0.0.0.0", port=0),)


async def told(phone: Phone, server: Server) -> tuple[str, str]:
    """Whom a caller has to send requests and media to."""
    call = await phone.dial(server.uri("100"))
    await call.wait_answered()
    contact = parse_uri(parse_name_addr(call.session.dialog.target.encode()).uri).host
    assert call.media.remote is not None
    media = call.media.remote.host
    # the BYE goes there, and is answered
    assert (await call.hangup()).status == 200
    await server.idle()
    return contact, media


def registered(pbx: Registrar, host: str) -> bool:
    """The last REGISTER, with credentials, came from there."""
    last = pbx.registers[-1:]
    return any(f"@{host}:".encode() in r.text(b"contact") and r.get(b"authorization") for r in last)


@pytest.mark.rfc("8489", "Contact, SDP and registration follow the address STUN tells")
async def test_peers_are_told_what_stun_says_and_what_it_says_later(tmp_path: Path) -> None:
    async with (
        StunStub("127.0.0.7") as sip,
        StunStub("127.0.0.8") as rtp,
        Registrar() as pbx,
        Phone() as phone,
        running(
            tmp_path,
            PLAN,
            sip=Sip(listen=ANYWHERE, public_address=sip.setting, stun_seconds=0.2),
            rtp=Rtp(host="127.0.0.1", public_address=rtp.setting),
            trunks={
                "pbx": Trunk(
                    host="127.0.0.1",
                    port=pbx.address[1],
                    username=pbx.user,
                    password="secret",  # type: ignore[arg-type]
                    registration=True,  # type: ignore[arg-type]
                )
            },
        ) as server,
    ):
        assert server.gateway.edge.public_address[0] == "127.0.0.7"
        await pbx.until(lambda: registered(pbx, "127.0.0.7"))
        assert await told(phone, server) == ("127.0.0.7", "127.0.0.8")

        before = await phone.dial(server.uri("100"))
        await before.wait_answered()
        sip.tells, rtp.tells = "127.0.0.17", "127.0.0.18"
        await server.wait_for(lambda: server.gateway.edge.public_address[0] == "127.0.0.17")
        await server.wait_for(lambda: server.gateway.whereabouts.rtp == "127.0.0.18")
        # registered anew, the old Contact taken back
        await pbx.until(lambda: registered(pbx, "127.0.0.17"))
        assert any(
            b"@127.0.0.7:" in h.value and h.value.endswith(b"expires=0")
            for h in pbx.registers[-1].headers
            if h.key == b"contact"
        )
        # a call from before still finds us where it was told
        assert (await before.hangup()).status == 200
        await server.idle()
        assert await told(phone, server) == ("127.0.0.17", "127.0.0.18")

        sip.tells = None
        asked = len(sip.requests)
        await server.wait_for(lambda: len(sip.requests) > asked)
        assert server.gateway.edge.public_address[0] == "127.0.0.17"


@pytest.mark.peer
@pytest.mark.rfc("8489", "binding request answered by coturn")
async def test_a_server_finds_itself_by_a_real_stun_server(tmp_path: Path) -> None:
    async with coturn(tmp_path) as port:
        sip = Sip(
            listen=(Listener(host="127.0.0.3", port=0),), public_address=f"stun:127.0.0.1:{port}"
        )
        async with running(tmp_path, PLAN, sip=sip) as server, Phone() as phone:
            assert await told(phone, server) == ("127.0.0.3", "127.0.0.1")


async def test_a_stun_server_that_refuses_is_named_at_start(tmp_path: Path) -> None:
    async with StunStub(401) as stun:
        sip = Sip(listen=ANYWHERE, public_address=stun.setting)
        with pytest.raises(Unlocated, match=r"sip\.public_address: STUN server .* refused: 401"):
            async with running(tmp_path, PLAN, sip=sip):
                pass
