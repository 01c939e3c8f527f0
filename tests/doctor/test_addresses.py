"""Addresses that trunks cannot reach: private, loopback, another than they see, rewritten."""

from collections.abc import Callable

from sipagent.config import Rtp, Settings, Sip, Trunk
from sipagent.testing.registrar import Registrar
from sipagent.testing.server import LISTEN
from sipagent.testing.stun import StunStub

from .conftest import Examined, trunk, wrong

Made = Callable[..., Settings]


async def test_a_private_address_towards_a_public_trunk_is_told(
    settings: Made, examined: Examined
) -> None:
    far = Trunk(host="203.0.113.10", answer_seconds=0.1)
    sip = Sip(listen=LISTEN, public_address="203.0.113.99:5060")
    rtp = Rtp(host="127.0.0.1", public_address="192.168.1.20")
    found = await examined(settings(trunks={"carrier": far}, sip=sip, rtp=rtp), "addresses")
    (private,) = [f for f in found if f.code == "private-address"]
    assert private.what == "our SDP says 192.168.1.20, and trunk carrier is at 203.0.113.10"
    assert private.key == "rtp.public_address"


async def test_loopback_towards_a_trunk_elsewhere_is_told(
    settings: Made, examined: Examined
) -> None:
    far = Trunk(host="203.0.113.10", answer_seconds=0.1)
    found = await examined(settings(trunks={"carrier": far}), "addresses")
    told = [f.key for f in found if f.code == "loopback-address"]
    assert told == ["sip.listen[0].host", "rtp.host"]


async def test_the_address_a_stun_server_sees_is_the_one_judged(
    settings: Made, examined: Examined
) -> None:
    far = Trunk(host="203.0.113.10", answer_seconds=0.1)
    async with StunStub("10.9.8.7") as stun:
        rtp = Rtp(public_address=stun.setting)
        found = await examined(settings(trunks={"carrier": far}, rtp=rtp), "addresses")
    assert any(f.code == "private-address" and "10.9.8.7" in f.what for f in found)


async def test_a_trunk_that_sees_us_elsewhere_is_believed(
    pbx: Registrar, settings: Made, examined: Examined
) -> None:
    pbx.seen = "203.0.113.77"
    found = await examined(settings(trunks={"pbx": trunk(pbx)}), "addresses")
    told = [(f.code, f.key) for f in found]
    assert ("seen-elsewhere", "rtp.public_address") in told
    assert "trunk pbx sees us at 203.0.113.77" in found[0].what


async def test_a_router_that_rewrites_sip_is_told(
    pbx: Registrar, settings: Made, examined: Examined
) -> None:
    pbx.rewrites = b"203.0.113.77:5060"
    found = await examined(settings(trunks={"pbx": trunk(pbx)}), "addresses")
    assert wrong(found) == ["sip-alg"]
    assert "got our Via as 203.0.113.77" in found[0].what


async def test_a_stun_server_that_refuses_is_told(settings: Made, examined: Examined) -> None:
    async with StunStub(500) as stun:
        found = await examined(settings(rtp=Rtp(public_address=stun.setting)), "addresses")
    assert wrong(found) == ["stun-failed"]


async def test_a_trunk_at_ipv6_wants_media_at_ipv6(settings: Made, examined: Examined) -> None:
    sip = Sip.model_validate({"listen": [{"transport": "udp", "host": "::1", "port": 0}]})
    far = {"six": Trunk(host="::1", port=9, answer_seconds=0.1)}
    four = await examined(settings(trunks=far, sip=sip), "addresses")
    assert wrong(four) == ["no-ipv6-media"]
    six = await examined(settings(trunks=far, sip=sip, rtp=Rtp(ipv6_host="::1")), "addresses")
    assert wrong(six) == []
