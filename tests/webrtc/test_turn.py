"""A page whose network lets nothing out but to a TURN server: coturn, with users that end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from sipagent.config import IceServer, Webrtc
from sipagent.testing.ports import free_port
from sipagent.testing.processes import start, stop
from sipagent.testing.server import running
from tests.api.door import FEW, Tokens, client

from .page import PATIENCE, page, relayed

PLAN = """
routes: [{to: "100"}]
agents: {echo: {brain: {provider: echo}}}
sections: {main: [answer, {ai: {agent: echo}}]}
"""
TONE = 470


async def listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


@asynccontextmanager
async def coturn(folder: Path, port: int, secret: str) -> AsyncIterator[None]:
    command = [
        *("turnserver", "-n", "--no-cli", "--no-tls", "--no-dtls", "--fingerprint"),
        *("--listening-ip", "127.0.0.1", "--relay-ip", "127.0.0.1", "--realm", "example"),
        *("--listening-port", str(port), "--allow-loopback-peers", "--log-file", "stdout"),
        *("--use-auth-secret", "--static-auth-secret", secret, "--pidfile", str(folder / "pid")),
        *("--min-port", "40000", "--max-port", "41000", "--userdb", str(folder / "turn.sqlite")),
    ]
    process = await start(command, folder / "turn.log", folder)
    try:
        async with asyncio.timeout(PATIENCE):
            while not await listens(port):
                await asyncio.sleep(0.05)
        yield
    finally:
        await stop(process)


@pytest.mark.peer
@pytest.mark.slow
async def test_sound_goes_by_a_turn_server_that_the_page_is_told_of(tmp_path: Path) -> None:
    tokens, port, secret = Tokens(), free_port(), "northern-lights"
    url = f"turn:127.0.0.1:{port}"
    server = IceServer.model_validate({"urls": url, "secret": secret})
    webrtc = Webrtc(ice_servers=(server,))
    async with (
        coturn(tmp_path, port, secret),
        running(tmp_path, PLAN, limits=FEW, api=tokens.api, webrtc=webrtc) as ours,
        client(ours, tokens.of["operator"]) as http,
    ):
        (told,) = (await http.get("/v1/webrtc")).json()["ice_servers"]
        assert told["urls"] == [url]
        ice = relayed(url, told["username"], told["credential"])
        async with page(http, ice) as alice:
            await alice.call(to="100")
            offered = alice.pc.localDescription.sdp
            assert "typ relay" in offered and "typ host" not in offered
            await alice.state("up")
            alice.sound(TONE, 15)
            await alice.until(lambda: alice.loudness(TONE)[0] > 0.3)
