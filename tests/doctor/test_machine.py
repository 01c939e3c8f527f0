"""What is wrong with this machine: ports, RTP range, certificates, disk, libraries, doors."""

import os
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from sipagent.app.state import State
from sipagent.config import (
    Api,
    Certificate,
    Limits,
    Listener,
    Phone,
    Rtp,
    Settings,
    Sip,
    Store,
    Tls,
)
from sipagent.doctor.checks.packages import judged
from sipagent.doctor.findings import Severity
from sipagent.testing.ports import free_port

from .conftest import Examined, only, wrong

Made = Callable[..., Settings]


async def test_whoever_holds_a_port_is_named(settings: Made, examined: Examined) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        found = await examined(settings(sip=only(port)), "ports")
    (taken,) = [f for f in found if f.severity is Severity.PROBLEM]
    assert taken.code == "port-in-use"
    assert f"SIP udp 127.0.0.1:{port} is held by" in taken.what
    assert f"(process {os.getpid()})" in taken.what
    assert taken.key == "sip.listen[0].port"


async def test_an_address_of_another_machine_is_told(settings: Made, examined: Examined) -> None:
    sip = Sip(listen=(Listener(host="192.0.2.7", port=free_port()),))
    assert wrong(await examined(settings(sip=sip), "ports")) == ["no-such-address"]


async def test_a_free_port_is_right_before_the_first_start(
    settings: Made, examined: Examined
) -> None:
    assert wrong(await examined(settings(sip=only(free_port())), "ports")) == []


async def test_a_port_of_the_server_that_runs_is_as_it_should_be(
    settings: Made, examined: Examined
) -> None:
    made = settings(sip=only(free_port()))
    state = State(made.state_folder)
    state.open()
    try:
        idle = await examined(made, "ports")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
            own.bind(("127.0.0.1", made.sip.listen[0].port))
            serving = await examined(made, "ports")
    finally:
        state.close()
    assert wrong(idle) == ["not-listening"]
    assert wrong(serving) == []
    assert any("held by our own server" in f.what for f in serving)


@pytest.mark.parametrize(
    ("rtp", "calls", "code"),
    [
        (Rtp(first=20_000, last=20_100), 100, "rtp-range-too-small"),
        (Rtp(first=20_000, last=20_300), 100, "rtp-range-tight"),
        (Rtp(host="192.0.2.7"), 10, "rtp-no-such-address"),
    ],
)
async def test_a_range_that_does_not_do_is_told(
    settings: Made, examined: Examined, rtp: Rtp, calls: int, code: str
) -> None:
    made = settings(rtp=rtp, limits=Limits(calls=calls))
    assert wrong(await examined(made, "rtp-ports")) == [code]


class Issued:
    """Certificates of a CA of the test's own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ca = trustme.CA()

    def sip(self, *hosts: str, valid: timedelta, key_of: str = "own") -> Sip:
        """Settings whose one certificate ends that far from now."""
        end = datetime.now(UTC) + valid
        made = self._ca.issue_cert(*hosts, not_before=end - timedelta(days=90), not_after=end)
        other = self._ca.issue_cert(*hosts)
        certificate, key = self._folder / "server.pem", self._folder / "server.key"
        made.cert_chain_pems[0].write_to_path(str(certificate))
        (made if key_of == "own" else other).private_key_pem.write_to_path(str(key))
        known = Certificate(certificate=certificate, key=key)
        listen = (Listener(port=0), Listener(transport="tls", port=0))
        return Sip(listen=listen, tls=Tls(certificates=(known,)), public_address="sip.pbx.example")


@pytest.mark.parametrize(
    ("host", "days", "key_of", "codes"),
    [
        ("sip.pbx.example", -2, "own", ["certificate-expired"]),
        ("sip.pbx.example", 5, "own", ["certificate-expires"]),
        ("sip.pbx.example", 200, "own", ["certificate-not-yet-valid"]),
        ("sip.pbx.example", 60, "another", ["certificate-key-mismatch"]),
        ("other.example", 60, "own", ["certificate-name-mismatch"]),
        ("*.pbx.example", 60, "own", []),
    ],
)
async def test_a_certificate_that_does_not_do_is_told_with_the_reason(
    tmp_path: Path,
    settings: Made,
    examined: Examined,
    host: str,
    days: int,
    key_of: str,
    codes: list[str],
) -> None:
    sip = Issued(tmp_path).sip(host, valid=timedelta(days=days), key_of=key_of)
    assert wrong(await examined(settings(sip=sip), "certificates")) == codes


async def test_a_certificate_that_is_not_there_is_told(
    tmp_path: Path, settings: Made, examined: Examined
) -> None:
    known = Certificate(certificate=tmp_path / "none.pem", key=tmp_path / "none.key")
    sip = Sip(listen=(Listener(transport="tls", port=0),), tls=Tls(certificates=(known,)))
    assert wrong(await examined(settings(sip=sip), "certificates")) == ["certificate-unreadable"]


async def test_a_wheel_for_another_cpu_is_named() -> None:
    (found,) = judged(b'{"begins": "numpy"}\n{"begins": "soxr"}\n', -4)
    assert found.what == "soxr: importing it ended Python by signal 4"


async def test_a_database_that_is_none_is_told(
    tmp_path: Path, settings: Made, examined: Examined
) -> None:
    (tmp_path / "calls.sqlite3").write_text("This is no database, but a text of some length. " * 9)
    found = await examined(settings(), "disk")
    assert [f.code for f in found if f.severity is Severity.PROBLEM] == ["database-down"]


async def test_a_folder_that_cannot_be_is_told(
    tmp_path: Path, settings: Made, examined: Examined
) -> None:
    (tmp_path / "file").write_text("")
    store = Store(database="sqlite+aiosqlite:///:memory:", bundles=tmp_path / "file")
    found = await examined(settings(store=store), "disk")
    assert "not-writable" in wrong(found)


@pytest.mark.parametrize(
    ("keys", "code", "key"),
    [
        ({"guests": ["0.0.0.0/0"]}, "guests-everybody", "sip.guests"),
        ({"guests": ["10.0.0.0/8"]}, "", ""),
    ],
)
async def test_a_door_that_is_open_to_everybody_is_told(
    settings: Made, examined: Examined, keys: dict[str, object], code: str, key: str
) -> None:
    listen = [{"transport": "udp", "host": "0.0.0.0", "port": 0}]
    sip = Sip.model_validate({"listen": listen, **keys})
    found = [(f.code, f.key) for f in await examined(settings(sip=sip), "access")]
    assert found == ([(code, key)] if code else [("ok", "sip.guests")])


async def test_weak_passwords_and_missing_tokens_are_told_and_not_shown(
    settings: Made, examined: Examined, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DOCTOR_TOKEN", raising=False)
    phones = {"201": Phone.model_validate({"password": "hush"})}
    api = Api.model_validate({"host": "0.0.0.0", "tokens": {"desk": {"token_env": "DOCTOR_TOKEN"}}})
    found = await examined(settings(phones=phones, api=api), "access")
    assert wrong(found) == ["weak-password", "token-missing", "plain-http"]
    assert "hush" not in f"{found}"
