"""What is wrong with trunks: passwords, silence, codecs, addresses, clocks, names."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from sipagent.app.trunk_file import TrunkReport
from sipagent.config import Rtp, Settings, Sip, Trunk
from sipagent.doctor.checks.clock import judged
from sipagent.doctor.findings import Severity
from sipagent.doctor.outpost import Told
from sipagent.edge.message import header
from sipagent.edge.trunks.status import Cause, Reach, Standing, TrunkStatus
from sipagent.testing.nameserver import NameServer
from sipagent.testing.ports import free_port
from sipagent.testing.registrar import Registrar
from sipagent.testing.server import LISTEN
from sipagent.testing.stun import StunStub

from .conftest import Examined, trunk, wrong

Made = Callable[..., Settings]
G729 = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
G729 += "m=audio 4000 RTP/AVP 18 101\r\na=rtpmap:101 telephone-event/8000\r\n"


@pytest.fixture
async def pbx() -> AsyncIterator[Registrar]:
    async with Registrar() as registrar:
        yield registrar


async def test_a_wrong_password_is_told_apart(
    pbx: Registrar, settings: Made, examined: Examined
) -> None:
    made = settings(trunks={"pbx": trunk(pbx, password="guessed")})
    (found,) = await examined(made, "registration")
    assert (found.code, found.severity) == ("wrong-password", Severity.PROBLEM)
    assert found.key == "trunks.pbx.password"
    assert "auth_username" in found.cure
    assert "guessed" not in f"{found}"


@pytest.mark.parametrize(
    ("status", "code"),
    [(403, "registration-forbidden"), (404, "account-unknown"), (480, "registration-refused")],
)
async def test_a_refusal_is_told_by_its_status(
    pbx: Registrar, settings: Made, examined: Examined, status: int, code: str
) -> None:
    pbx.status = status
    (found,) = await examined(settings(trunks={"pbx": trunk(pbx)}), "registration")
    assert found.code == code
    assert str(status) in found.what


async def test_a_registration_that_works_is_taken_back_at_once(
    pbx: Registrar, settings: Made, examined: Examined
) -> None:
    found = await examined(settings(trunks={"pbx": trunk(pbx)}), "registration", "trunks")
    assert wrong(found) == []
    assert pbx.registers[-1].text(b"expires") == b"0"


async def test_a_server_that_runs_keeps_its_registration(
    pbx: Registrar, settings: Made, examined: Examined
) -> None:
    made = settings(trunks={"pbx": trunk(pbx)})
    status = TrunkStatus(
        name="pbx",
        host="127.0.0.1",
        reach=Reach.DOWN,
        registration=Standing.FAILED,
        cause=Cause.FORBIDDEN,
        why="forbidden: 403 Forbidden",
    )
    _tell(made.store.bundles, status)
    (found,) = await examined(made, "registration")
    assert found.code == "registration-forbidden"
    assert pbx.registers == []


async def test_silence_is_told_apart_from_a_refusal(
    pbx: Registrar, settings: Made, examined: Examined
) -> None:
    pbx.silent = True
    made = settings(trunks={"pbx": trunk(pbx, answer_seconds=0.3)})
    found = await examined(made, "registration", "trunks")
    assert sorted(wrong(found)) == ["registrar-silent", "trunk-silent"]


async def test_a_trunk_out_of_service_is_told_though_it_answers(
    pbx: Registrar, settings: Made, examined: Examined
) -> None:
    pbx.options = 503
    found = await examined(settings(trunks={"pbx": trunk(pbx)}), "trunks")
    assert wrong(found) == ["trunk-takes-no-calls"]


async def test_a_closed_tcp_port_is_told_as_unreachable(settings: Made, examined: Examined) -> None:
    closed = Trunk(host="127.0.0.1", port=free_port(), transport="tcp")
    found = await examined(settings(trunks={"pbx": closed}), "trunks")
    assert wrong(found) == ["trunk-unreachable"]


async def test_no_codec_in_common_names_both_sides_codecs(
    pbx: Registrar, settings: Made, examined: Examined
) -> None:
    pbx.described = G729
    (found,) = await examined(settings(trunks={"pbx": trunk(pbx)}), "codecs")
    assert found.code == "no-common-codec"
    assert "speaks G729; we speak PCMU, PCMA, G722" in found.what
    assert found.key == "trunks.pbx.codecs"


async def test_encryption_wanted_on_one_side_only_is_told(
    pbx: Registrar, settings: Made, examined: Examined
) -> None:
    pbx.described = G729.replace(" 18 ", " 0 ")
    made = settings(trunks={"pbx": trunk(pbx, srtp="required")})
    assert wrong(await examined(made, "codecs")) == ["srtp-mismatch"]


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


async def test_a_stun_server_that_refuses_is_told(settings: Made, examined: Examined) -> None:
    async with StunStub(500) as stun:
        found = await examined(settings(rtp=Rtp(public_address=stun.setting)), "addresses")
    assert wrong(found) == ["stun-failed"]


async def test_the_clock_is_compared_with_what_the_trunk_says(
    pbx: Registrar, settings: Made, examined: Examined
) -> None:
    _dated(pbx, timedelta(hours=2))
    found = await examined(settings(trunks={"pbx": trunk(pbx)}), "clock")
    # a clock that is set while we look is a finding of its own
    (about,) = [f for f in found if f.code != "clock-jumps"]
    assert about.code == "clock-wrong"
    assert about.what == "our clock is 2 hours behind that of 127.0.0.1"


@pytest.mark.parametrize(
    ("skews", "codes"),
    [
        ({"one": 0.4}, ["ok"]),
        ({"one": 20.0}, ["clock-off"]),
        ({"one": 20.0, "two": 7200.0}, ["clock-off", "clock-wrong"]),
        ({"one": 0.4, "two": 7200.0}, ["peer-clock-wrong"]),
        ({}, ["clock-not-compared"]),
    ],
)
def test_one_clock_that_is_off_is_not_taken_for_ours(
    skews: dict[str, float], codes: list[str]
) -> None:
    now = datetime.now(UTC)
    told = {who: Told(now - timedelta(seconds=skew), now) for who, skew in skews.items()}
    assert [f.code for f in judged(told)] == codes


@pytest.mark.parametrize(
    ("fault", "code"),
    [("unknown", "dns-no-such-name"), ("silent", "dns-silent"), ("failing", "dns-server-failure")],
)
async def test_dns_failures_are_told_apart(
    settings: Made, examined: Examined, fault: str, code: str
) -> None:
    async with NameServer({}) as names:
        names.silent, names.failing = fault == "silent", fault == "failing"
        made = settings(
            trunks={"carrier": Trunk(host="sip.carrier.example")},
            sip=Sip(listen=LISTEN, nameservers=(names.place,)),
        )
        (found,) = await examined(made, "dns")
    assert (found.code, found.key) == (code, "trunks.carrier.host")


async def test_an_srv_record_that_leads_nowhere_is_told(settings: Made, examined: Examined) -> None:
    zone = {
        ("_sip._udp.carrier.example", "SRV"): ["0 5 5060 one.carrier.example."],
        ("_sip._tcp.carrier.example", "SRV"): ["0 5 5060 two.carrier.example."],
        ("one.carrier.example", "A"): ["127.0.0.1"],
    }
    async with NameServer(zone) as names:
        made = settings(
            trunks={"carrier": Trunk(host="carrier.example", answer_seconds=0.1)},
            sip=Sip(listen=LISTEN, nameservers=(names.place,)),
        )
        found = [f for f in await examined(made, "dns") if f.code != "dns-slow"]
    assert [f.code for f in found] == ["dns-srv-dangling"]
    assert "two.carrier.example" in found[0].what


def _dated(pbx: Registrar, ahead: timedelta) -> None:
    """Its answers say that it is so much later than it is."""
    moment = datetime.now(UTC) + ahead
    pbx.headers = (header(b"Date", format_datetime(moment, usegmt=True).encode()),)


def _tell(folder: Path, status: TrunkStatus) -> None:
    """As a server that runs does."""
    folder.mkdir(parents=True, exist_ok=True)
    report = TrunkReport(pid=1, trunks=(status,))
    (folder / "trunks.json").write_text(report.model_dump_json())
