"""Media security: what the settings and trunks say, and what an eavesdropper gets of it."""

import asyncio
import math
from collections import Counter
from ipaddress import IPv4Network
from typing import Any

import pytest

from sipagent.config import Media, Trunk
from sipagent.errors import LegFailed
from sipagent.events import VerbDone
from sipagent.testing import audio
from sipagent.testing.baresip import Baresip
from sipagent.testing.phone import Phone, refuse_with
from sipagent.testing.signals import noise, share
from sipagent.testing.wiretap import Wiretap

Serve = Any
HERE = IPv4Network("127.0.0.0/8")
DIAL = """
version: 1.0.0
routes: [{to: "100"}]
policy: {destinations: ["+44*"]}
sections:
  main: [answer, {connect: {to: "+44123"}}, hangup]
"""


def _entropy(data: bytes) -> float:
    """Bits a byte, 0..8."""
    counts = Counter(data).values()
    return -sum(n / len(data) * math.log2(n / len(data)) for n in counts)


@pytest.mark.peer
@pytest.mark.slow
@pytest.mark.parametrize("srtp", ["required", "off"])
@pytest.mark.rfc("3711", "media on the wire is not audio without its key")
@pytest.mark.rfc("4568", "keys are agreed upon by a=crypto")
async def test_an_eavesdropper_hears_what_is_said_only_where_it_is_not_encrypted(
    serve: Serve, srtp: Any
) -> None:
    server = await serve(media=Media(srtp=srtp))
    said = noise(8, 2000, 8000)
    encryption: Any = "srtp" if srtp == "required" else ""
    async with (
        Wiretap(server.address()) as tap,
        Baresip(play=said + bytes(16_000 * 30), media_encryption=encryption) as phone,
    ):
        await phone.dial(tap.uri("100"))
        await phone.wait_event("CALL_ESTABLISHED")
        await asyncio.sleep(4)
        await phone.hangup()
        assert (await server.ended()).status == 200
        assert share(said, phone.heard(), 8000) >= 0.7  # the agent's echo
    for side in ("phone", "server"):
        taken = tap.heard[side].payloads
        assert len(taken) > 100
        told = b"".join(audio.decode("PCMU", payload) for payload in taken)
        wire = b"".join(taken)
        if srtp == "off":
            assert share(said, told, 8000) >= 0.7
            assert _entropy(wire) < 7.0  # half of it is silence, always the same byte
            assert b"a=crypto" not in tap.heard[side].sdp
        else:
            assert share(said, told, 8000, alike=0.3) == 0.0
            assert _entropy(wire) > 7.95
            assert all(len(payload) in (160 + 10, 160 + 4) for payload in taken)
            assert b"RTP/SAVP" in tap.heard[side].sdp


@pytest.mark.rfc("4568", "plain RTP is refused where encryption is required")
async def test_plain_rtp_is_refused_where_encryption_is_required(serve: Serve) -> None:
    server = await serve(media=Media(srtp="required"))
    async with Phone() as phone:
        call = await phone.dial(server.uri("100"))
        with pytest.raises(LegFailed) as refused:
            await call.wait_answered()
        assert refused.value.status == 488


@pytest.mark.rfc("4568", "a trunk has its own say about encryption")
async def test_a_trunk_has_its_own_say(serve: Serve) -> None:
    """Both ways: its callers by its rule, and everybody else by the settings'."""
    trunk = Trunk(host="127.0.0.1", addresses=(IPv4Network("127.0.0.2/32"),), srtp="required")
    server = await serve(trunks={"carrier": trunk})
    async with Phone(host="127.0.0.2") as carrier, Phone() as guest:
        call = await carrier.dial(server.uri("100"))
        with pytest.raises(LegFailed, match="488"):
            await call.wait_answered()
        call = await guest.dial(server.uri("100"))
        await call.wait_answered()


@pytest.mark.parametrize(
    ("srtp", "profile", "keys"),
    [("required", b"RTP/SAVP", True), ("optional", b"RTP/AVP", True), ("off", b"RTP/AVP", False)],
)
@pytest.mark.rfc("4568", "RTP/SAVP is offered where it is required, optional as the settings say")
async def test_a_trunk_is_offered_what_its_settings_say(
    serve: Serve, srtp: Any, profile: bytes, keys: bool
) -> None:
    async with Phone(user="pbx") as pbx, Phone() as alice:
        pbx.on_call = refuse_with(486)
        trunk = Trunk(host="127.0.0.1", port=pbx.address[1], srtp=srtp)
        other: Any = "off" if srtp != "off" else "required"
        media = Media(srtp="off") if other == "off" else Media()
        server = await serve(DIAL, trunks={"carrier": trunk}, media=media)
        call = await alice.dial(server.uri("100"))
        await call.wait_answered()
        offered = (await pbx.wait_call()).invite
        assert offered is not None
        assert b" %b " % profile in offered.body
        assert (b"a=crypto" in offered.body) is keys
        await server.until(lambda e: isinstance(e, VerbDone) and e.verb == "connect")
