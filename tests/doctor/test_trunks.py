"""What is wrong with trunks: passwords, silence, codecs, clocks, names, certificates."""

import asyncio
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
import trustme

from sipagent.app.trunk_file import TrunkReport
from sipagent.config import Settings, Sip, Tls, Trunk
from sipagent.doctor.checks.clock import judged
from sipagent.doctor.findings import Severity
from sipagent.doctor.outpost import Told, said_time
from sipagent.edge.message import header
from sipagent.edge.trunks.status import Cause, Reach, Standing, TrunkStatus
from sipagent.events import CallEnded, CallStarted
from sipagent.store.records import Store
from sipagent.testing.nameserver import NameServer
from sipagent.testing.ports import free_port
from sipagent.testing.registrar import Registrar
from sipagent.testing.server import LISTEN

from .conftest import Examined, trunk, wrong

Made = Callable[..., Settings]
G729 = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
G729 += "m=audio 4000 RTP/AVP 18 101\r\na=rtpmap:101 telephone-event/8000\r\n"


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


async def test_calls_on_record_that_ended_for_their_media_are_told(
    settings: Made, examined: Examined
) -> None:
    made = settings()
    store = Store(made.store.database, made.store.bundles / "events.jsonl")
    await store.open()
    for number, status in enumerate((488, 200)):
        call_id = f"call-{number}"
        store.append(CallStarted(call_id=call_id, t=0, caller="sip:a@b", callee="sip:c@d"))
        store.append(CallEnded(call_id=call_id, t=1, status=status))
    await store.close()
    (found,) = await examined(made, "codecs")
    assert found.code == "calls-without-media"
    assert found.what == "1 of the last 2 calls, the newest call-0"


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


@pytest.mark.parametrize(
    ("host", "days", "words"),
    [
        ("localhost", -2, "certificate has expired"),
        ("other.example", 60, "Hostname mismatch"),
    ],
)
async def test_a_trunk_that_does_not_prove_its_name_is_told_why(
    tmp_path: Path, settings: Made, examined: Examined, host: str, days: int, words: str
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    end = datetime.now(UTC) + timedelta(days=days)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made = authority.issue_cert(host, not_before=end - timedelta(days=90), not_after=end)
    made.configure_cert(context)

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0, ssl=context)
    async with server:
        port = server.sockets[0].getsockname()[1]
        far = Trunk(host="localhost", port=port, transport="tls")
        sip = Sip(listen=LISTEN, tls=Tls(authorities=tmp_path / "ca.pem"))
        found = await examined(settings(trunks={"tls": far}, sip=sip), "certificates", "trunks")
    assert sorted(wrong(found)) == ["trunk-certificate-refused", "trunk-unreachable"]
    assert all(words in f.what for f in found)


@pytest.mark.parametrize("text", ["", "soon", "Fri, 31 Dec 9999 23:59:59 -2359", "\x1b[2J"])
def test_a_time_that_is_none_is_passed_over(text: str) -> None:
    assert said_time(text) is None
