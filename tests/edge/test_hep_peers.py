"""HEP as others read it: sngrep's and Kamailio's own decoders."""

import asyncio
import errno
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from sipagent.config import Settings, Sip
from sipagent.config.hep import Hep
from sipagent.testing import processes
from sipagent.testing.kamailio import Kamailio
from sipagent.testing.ports import free_port
from tests.edge.conftest import LISTEN

pytestmark = pytest.mark.peer
PATIENCE = 20.0

Line = Any
Lines = Callable[..., Awaitable[Line]]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.05)


def taken(port: int) -> bool:
    """Does somebody listen on that UDP port?"""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            return error.errno == errno.EADDRINUSE
    return False


async def asked_and_answered(lines: Lines, port: int) -> tuple[Line, bytes, bytes]:
    """An edge that tells of SIP there, an OPTIONS it got, and what it answered."""
    told = Hep(server=f"udp://127.0.0.1:{port}")
    line = await lines(Settings(sip=Sip(listen=LISTEN), hep=told))
    phone = await line.phone()
    asked = phone.request("OPTIONS", line.uri("x"), call_id="ask@peer")
    line.send(phone, asked)
    return line, asked, await phone.raw()


async def test_sngrep_writes_what_was_on_the_wire(lines: Lines, tmp_path: Path) -> None:
    port, pcap = free_port(), tmp_path / "seen.pcap"
    command = ["sngrep", "-N", "-q", "-L", f"udp:127.0.0.1:{port}", "-O", str(pcap)]
    process = await processes.start(command, tmp_path / "log", tmp_path)
    try:
        await until(lambda: taken(port))
        _, asked, answered = await asked_and_answered(lines, port)
        await until(lambda: pcap.exists() and answered in pcap.read_bytes())
        assert asked in pcap.read_bytes()
    finally:
        await processes.stop(process)


async def test_kamailio_reads_requests_and_answers_with_their_true_sources(lines: Lines) -> None:
    async with Kamailio(Path(__file__).with_name("hep.cfg")) as server:
        line, asked, answered = await asked_and_answered(lines, server.port)
        seen = f"SEEN 200 ask@peer from 127.0.0.1:{line.public[1]} of {len(answered)}"
        await until(lambda: seen in server.log)
        assert "SEEN OPTIONS ask@peer from 127.0.0.1:" in server.log
        assert f"of {len(asked)}" in server.log
