"""`sipagent bans`: list, lift, add; a running server obeys."""

import json
import time
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from sipagent.app.ban_file import changing, read_bans
from sipagent.config import Sip
from sipagent.edge.door.bans import Ban
from sipagent.testing.frontdoor import UdpPeer
from sipagent.testing.program import Run
from sipagent.testing.server import LISTEN, running

SETTINGS = """
sip: {guests: [192.0.2.0/24]}
trunks: {pbx: {host: pbx.example, addresses: [198.51.100.0/24]}}
store: {bundles: calls}
"""
PLAN = "routes: [{to: '100'}]\nsections: {main: [answer, hangup]}\n"


@pytest.fixture
def calls(folder: Path) -> Path:
    """Where the ban file of the settings lies."""
    (folder / "sipagent.yaml").write_text(SETTINGS)
    return folder / "calls"


def test_bans_are_listed_with_why_and_until_when(calls: Path, run: Run) -> None:
    assert "Nobody is banned" in run("bans").out
    now = time.time()
    with changing(calls) as bans:
        bans.append(Ban(source="203.0.113.7", why="scanner: x", since=now, until=now + 60))
        bans.append(Ban(source="203.0.113.8", why="over", since=now - 60, until=now - 1))
    shown = run("bans").out
    assert "203.0.113.7" in shown
    assert "scanner: x" in shown
    assert "203.0.113.8" not in shown
    assert [b["source"] for b in json.loads(run("bans", "--json").out)] == ["203.0.113.7"]


def test_a_ban_is_set_and_lifted_by_hand(calls: Path, run: Run) -> None:
    assert run("bans", "add", "203.0.113.7", "--hours", "2").code == 0
    assert run("bans", "add", "2001:db8:1:2:3::4").code == 0
    assert {b.source for b in read_bans(calls)} == {"203.0.113.7", "2001:db8:1:2::/64"}
    assert run("bans", "lift", "2001:db8:1:2::99").code == 0
    assert [b.source for b in read_bans(calls)] == ["203.0.113.7"]
    assert run("bans", "lift", "203.0.113.9").code == 1


@pytest.mark.parametrize("address", ["198.51.100.7", "192.0.2.1", "nonsense"])
def test_guests_trunks_and_nonsense_are_not_banned(calls: Path, run: Run, address: str) -> None:
    assert run("bans", "add", address).code == 1
    assert read_bans(calls) == []


async def test_a_running_server_falls_silent_and_speaks_again(tmp_path: Path, run: Run) -> None:
    sip = Sip(listen=LISTEN, guests=(IPv4Network("192.0.2.0/24"),))
    async with running(tmp_path, PLAN, sip=sip) as server:
        bans, bundles = server.gateway.edge.doorman.bans, tmp_path / "bundles"
        phone = await UdpPeer.open("127.0.0.66")
        now = time.time()
        with changing(bundles) as known:
            known.append(Ban(source="127.0.0.66", why="by hand", since=now, until=now + 60))
        await server.wait_for(lambda: len(bans) == 1)
        phone.send(phone.request("INVITE", server.uri("100")), server.address())
        await server.wait_for(lambda: server.gateway.edge.counters.silenced == 1)
        assert phone.silent()
        with changing(bundles) as known:
            known.clear()
        await server.wait_for(lambda: len(bans) == 0)
        phone.send(phone.request("INVITE", server.uri("100")), server.address())
        await phone.get(403)
        phone.close()
