"""SIPVicious (Debian): it finds nothing, guesses nothing, and is banned, by name or by deeds."""

import asyncio
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from sipagent.config import Bans, Guard, Sip, Trunk
from sipagent.config import Phone as Account
from sipagent.testing.frontdoor import UdpPeer
from sipagent.testing.phone import Phone
from sipagent.testing.ports import free_port
from sipagent.testing.processes import start, stop
from sipagent.testing.server import LISTEN, Server, running

pytestmark = [pytest.mark.peer, pytest.mark.slow]

SCANNER, TRUNK = "127.0.0.1", "127.0.0.9"
PASSWORD = "s3cret-enough"
PLAN = """
routes: [{to: "100"}]
sections:
  main: [answer, {sleep: {duration: 60000}}]
"""
SETTINGS: dict[str, Any] = {
    "sip": Sip(listen=LISTEN, guests=(IPv4Network("192.0.2.0/24"),)),
    "trunks": {"carrier": Trunk(host=TRUNK, addresses=(IPv4Network(f"{TRUNK}/32"),))},
    "phones": {"100": Account(password=SecretStr(PASSWORD))},
}


async def scan(server: Server, folder: Path, tool: str, *arguments: str) -> str:
    """What a tool of the suite prints when it is done."""
    host, port = server.address()
    ours = ["-x", SCANNER, "-P", str(free_port())]
    log = folder / f"{tool}.log"
    process = await start([tool, *ours, "-p", str(port), *arguments, host], log, folder)
    try:
        await asyncio.wait_for(process.wait(), 60)
    finally:
        await stop(process)
    return log.read_text(errors="replace")


async def clean_call(server: Server) -> None:
    async with Phone(host=TRUNK) as caller:
        call = await caller.dial(server.uri("100"))
        await call.wait_answered(10)
        await call.hangup()


@pytest.mark.parametrize("tool", ["svmap", "svwar", "svcrack"])
async def test_the_scanner_finds_nothing_and_is_banned(tmp_path: Path, tool: str) -> None:
    words = tmp_path / "words.txt"
    words.write_text(f"100\nadmin\n{PASSWORD}\n")
    arguments = {
        "svmap": (),
        "svwar": ("--force", "-e", "90-160"),
        "svcrack": ("-u", "100", "-d", str(words)),
    }[tool]
    async with running(tmp_path, PLAN, **SETTINGS) as server:
        said = await scan(server, tmp_path, tool, *arguments)
        assert PASSWORD not in said
        assert "100 " not in said
        assert "SIP Device" not in said
        (ban,) = server.gateway.edge.doorman.bans
        assert ban.source == SCANNER
        assert ban.why == "scanner: friendly-scanner"
        assert server.workers.stats.counts.get("taken", 0) == 0
        await clean_call(server)


async def test_a_scanner_with_another_name_finds_nothing_either(tmp_path: Path) -> None:
    guard = Guard(bans=Bans(scanners=()))
    async with running(tmp_path, PLAN, **SETTINGS, guard=guard) as server:
        found = await scan(server, tmp_path, "svmap")
        assert "found nothing" in found
        assert not list(server.gateway.edge.doorman.bans)
        for method in ("OPTIONS", "REGISTER", "INVITE"):
            found = await scan(server, tmp_path, "svwar", "--force", "-m", method, "-e", "90-160")
            assert "found nothing" in found
        # it gives up where all extensions look alike; one that goes on is banned for it
        scanner = await UdpPeer.open(SCANNER)
        for number in range(90, 160):
            request = scanner.request("REGISTER", server.uri(str(number)))
            scanner.send(request, server.address())
            await asyncio.sleep(0.06)
        (ban,) = server.gateway.edge.doorman.bans
        assert (ban.source, ban.why) == (SCANNER, "asked for many extensions")
        await clean_call(server)
        scanner.close()
