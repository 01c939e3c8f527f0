"""The INVITEs of RFC 4475 and RFC 5118 that the front door lets in: what the whole server says."""

import re
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from sipagent.testing.frontdoor import UdpPeer
from sipagent.testing.phone import Phone
from sipagent.testing.server import Server, running

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("torture")]

PACKETS = Path(__file__).parents[1] / "packets"
PLAN = """
routes: [{to: "*"}]
sections:
  main: [answer, {play: "say:Good morning, this is a test of speech."}]
"""
#: final status of the whole server, and why
CALLS = {
    "rfc4475/esc01": (200, "escapes are kept and understood"),
    "rfc4475/longreq": (200, "long values and 34 Vias are legal"),
    "rfc4475/baddate": (200, "no call depends on its Date"),
    "rfc4475/invut": (415, "a body of a kind nobody knows"),
    "rfc4475/sdp01": (406, "who takes no SDP cannot read our answer"),
    "rfc5118/ipv6-in-sdp": (488, "no IPv6 media where rtp.ipv6_host is not set"),
    "rfc5118/mult-ip-in-sdp": (200, "the audio is on IPv4, the video on IPv6 is declined"),
    "rfc5118/ipv4-mapped-ipv6": (488, "no IPv6 media where rtp.ipv6_host is not set"),
}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    async with running(tmp_path_factory.mktemp("server"), PLAN) as server:
        yield server


@pytest.mark.slow
@pytest.mark.rfc("4475", "a clean call talks right after each INVITE that is let in")
@pytest.mark.rfc("5118", "a clean call talks right after each INVITE that is let in")
@pytest.mark.parametrize("name", CALLS)
async def test_an_odd_invite_is_served_and_a_clean_call_after_it(server: Server, name: str) -> None:
    status, why = CALLS[name]
    data = (PACKETS / f"{name}.dat").read_bytes()
    # those of RFC 5118 have one Call-ID between them, and would be taken for one call
    data = data.replace(b"\r\nCall-ID: ", b"\r\nCall-ID: " + secrets.token_hex(4).encode(), 1)
    port = re.search(rb"(?i)\r\nVia[^;,]*\]:([0-9]+);", data)
    host = ".".join(["127", *(str(1 + secrets.randbelow(254)) for _ in range(3))])
    peer = await UdpPeer.open(host, int(port[1]) if port else 5060)
    peer.send(data, server.address("udp"))
    final = 100
    while final < 200:
        final = int((await peer.raw(10)).split(b" ")[1])
    peer.close()
    assert final == status, why
    async with Phone() as phone:
        call = await phone.dial(server.uri("100"))
        await call.wait_answered(10)
        await call.wait_for_speech(10)
        await call.hangup()
    assert server.gateway.edge.counters.exceptions == 0
    assert server.workers.stats.counts.get("lost", 0) == 0
