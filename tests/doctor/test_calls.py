"""Calls that prove the way of SIP and RTP: our own, and one by a trunk."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import sipagent.testing.phone
from sipagent.config import Limits, Settings, Trunk, Webhook
from sipagent.config import Phone as Extension
from sipagent.doctor.check import examine
from sipagent.doctor.checks import CHECKS, calling, selftest
from sipagent.doctor.checks.calling import Heard
from sipagent.doctor.checks.selftest import Echoed
from sipagent.doctor.patient import admitted
from sipagent.doctor.trial import trial_settings
from sipagent.edge.desk import Address
from sipagent.events import CallEnded, Event, LegChanged, LegMedia, Warned
from sipagent.testing.call import PhoneCall
from sipagent.testing.negotiation import Negotiation
from sipagent.testing.phone import Phone
from sipagent.testing.ports import free_port
from sipagent.testing.sending import Sender
from sipagent.testing.server import running

from .conftest import only, wrong

Made = Callable[..., Settings]
ECHO = """
routes: [{to: "+4420*"}]
agents: {echo: {brain: {provider: echo}}}
sections: {main: [answer, {ai: {agent: echo}}]}
"""
#: what this machine may be in want of, while others use it
MACHINE = {"cpu-stolen", "clock-jumps", "disk-low", "little-memory", "check-too-slow"} | {
    "rtp-rough",
    "call-rough-audio",
    "trunk-far-away",
}
NUMBER = "+442079460000"


class Mute(Sender):
    """Sends nothing."""

    def next(self, now: float, *, sending: bool) -> bytes | None:
        return super().next(now, sending=False)


class Private(Negotiation):
    """Says that it is where nobody gets to."""

    def answer(self, offer: bytes) -> bytes:
        return super().answer(offer).replace(b"IN IP4 127.0.0.1", b"IN IP4 10.77.0.9")


async def mute(call: PhoneCall) -> None:
    """Answer, and send nothing."""
    call.stream.sender = Mute()
    call.answer()


def by(far: Address, *prefixes: str, **keys: object) -> Trunk:
    where = {"host": far[0], "port": far[1], "prefixes": prefixes}
    return Trunk.model_validate({**where, **keys})


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_a_healthy_server_has_no_finding_above_a_note(tmp_path: Path, settings: Made) -> None:
    async with running(tmp_path / "far", ECHO) as far:
        trunks = {"pbx": by(far.gateway.edge.public_address)}
        made = settings(sip=only(free_port()), limits=Limits(calls=4), trunks=trunks)
        async with admitted(made, number=NUMBER) as patient:
            visits = [visit async for visit in examine(CHECKS, patient)]
    found = [finding for visit in visits for finding in visit.findings]
    assert set(wrong(found)) <= MACHINE, found
    (call,) = next(visit for visit in visits if visit.name == "call").findings
    assert "packets of PCMU heard" in call.what


@pytest.mark.slow
async def test_calls_that_fail_are_told_apart(
    settings: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sipagent.testing.phone, "Negotiation", Private)
    async with Phone(codecs=("PCMA",)) as old, Phone() as behind_nat:
        behind_nat.on_call = mute
        trunks = {
            "old": by(old.address, "+44", codecs=["G722"]),
            "nat": by(behind_nat.address, "+49"),
        }
        async with calling.ready(settings(trunks=trunks)) as tried:
            codec = await calling.placed(tried, "+442079460000")
            unheard = await calling.placed(tried, "+49301234567")
            denied = await calling.placed(tried, "sip:nobody@")
    assert (codec.code, "488" in codec.what) == ("call-no-common-codec", True)
    assert unheard.code == "call-no-rtp"
    assert "private address in SDP: the far end says it is at 10.77.0.9" in unheard.cause
    assert denied.code == "call-denied"


def _answered(received: int, lost: int = 0, jitter: float = 1.0) -> list[Event]:
    return [
        LegChanged(call_id="c", t=0, leg="a", remote="sip:x@y", state="confirmed"),
        LegMedia(
            call_id="c",
            t=1,
            leg="a",
            codec="PCMU",
            sent=300,
            received=received,
            lost=lost,
            jitter_ms=jitter,
        ),
        CallEnded(call_id="c", t=2),
    ]


def _refused(status: int) -> list[Event]:
    return [CallEnded(call_id="c", t=0, status=status, reason="because")]


@pytest.mark.parametrize(
    ("events", "heard", "code"),
    [
        (_answered(300), Heard(900, 120.0), "ok"),
        (_answered(300), Heard(900, None), "call-no-echo"),
        (_answered(300), Heard(0), "call-silence"),
        (_answered(0), Heard(0), "call-no-rtp"),
        (_answered(300, lost=30), Heard(900, 120.0), "call-rough-audio"),
        (_answered(300, jitter=60.0), Heard(900, None), "call-rough-audio"),
        (_answered(300), Heard(900, 700.0), "call-rough-audio"),
        (_refused(488), Heard(), "call-no-common-codec"),
        (_refused(403), Heard(), "call-forbidden"),
        (_refused(404), Heard(), "call-number-unknown"),
        (_refused(486), Heard(), "call-unanswered"),
        (_refused(408), Heard(), "call-unanswered"),
        (_refused(503), Heard(), "call-refused"),
        ([], Heard(), "call-unanswered"),
    ],
)
def test_what_came_of_a_call_is_judged(events: list[Event], heard: Heard, code: str) -> None:
    assert calling.judged(NUMBER, events, heard).code == code


def test_the_diagnosis_of_the_call_is_the_cause() -> None:
    why = Warned(call_id="c", t=1, code="no_inbound_rtp", detail="leg-1: port not reached: a wall")
    found = calling.judged(NUMBER, [why, *_answered(0)], Heard())
    assert found.cause == "port not reached: a wall"


@pytest.mark.parametrize(
    ("echoed", "code"),
    [
        (Echoed(100, 0, 900.0, 60.0), "ok"),
        (Echoed(100, 0, 900.0, None), "ok"),
        (Echoed(0, 0, 0.0, None), "rtp-blocked"),
        (Echoed(100, 0, 3.0, None), "rtp-blocked"),
        (Echoed(90, 10, 900.0, 60.0), "rtp-rough"),
        (Echoed(100, 0, 900.0, 600.0), "rtp-rough"),
    ],
)
def test_what_an_echo_says_of_rtp_is_judged(settings: Made, echoed: Echoed, code: str) -> None:
    assert selftest.judged(echoed, settings()).code == code


def test_a_server_of_our_own_takes_nothing_of_the_patient_that_tells_others(
    settings: Made, tmp_path: Path
) -> None:
    hook = Webhook.model_validate({"url": "http://x.example/", "secret_env": "S"})
    made = settings(
        webhooks={"desk": hook}, phones={"201": Extension.model_validate({"password": "p"})}
    )
    own = trial_settings(made, tmp_path, {})
    assert not own.webhooks
    assert not own.phones
    assert own.store.bundles != made.store.bundles


#: a machine of its own: a disk of 64 kB that is full, and a firewall that drops RTP
_STAGE = """
set -e
ip link set lo up
ip rule add pref 1 ipproto udp dport 20000-29999 blackhole
ip rule add pref 10 lookup local
ip rule del pref 0
mount -t tmpfs -o size=64k tmpfs "$1/full"
head -c 65536 /dev/zero > "$1/full/zeros"
cd "$1"
exec "$2" -m sipagent doctor --json --only disk --only selftest
"""


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_blocked_rtp_and_a_full_disk_are_told_apart(tmp_path: Path) -> None:
    unshare = shutil.which("unshare")
    assert unshare is not None
    usable = subprocess.run([unshare, "-rnm", "ip", "link"], capture_output=True, check=False)
    if usable.returncode:
        pytest.skip("this machine lets nobody have a network of its own")
    (tmp_path / "full").mkdir()
    (tmp_path / "dialplans").mkdir()
    (tmp_path / "sipagent.yaml").write_text("store: {bundles: full}\ntools: []\n")
    ran = subprocess.run(
        [unshare, "-rnm", "sh", "-c", _STAGE, "sh", str(tmp_path), sys.executable],
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
    assert ran.returncode == 1, ran.stderr
    checks = {check["name"]: check["findings"] for check in json.loads(ran.stdout)["checks"]}
    assert "disk-full" in [f["code"] for f in checks["disk"]]
    (blocked,) = checks["selftest"]
    assert blocked["code"] == "rtp-blocked"
    assert "the server hears nothing of a phone" in blocked["what"]
