"""Calls from pages through a killed gateway, and pages that vanish without a word."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from sipagent.api.keyring import new_token
from sipagent.testing.mortal import PATIENCE, MortalServer
from sipagent.testing.ports import free_port

from .page import page, vanish

PLAN = """
routes: [{to: "100"}]
agents: {echo: {brain: {provider: echo}}}
sections: {main: [answer, {ai: {agent: echo}}]}
"""
TONE = 470


async def ended(http: httpx.AsyncClient, call_id: str) -> dict[str, Any]:
    """The call, once it is over. Raises TimeoutError."""
    async with asyncio.timeout(PATIENCE):
        while True:
            view: dict[str, Any] = (await http.get(f"/v1/calls/{call_id}")).json()
            if view["state"] == "ended":
                return view
            await asyncio.sleep(0.2)


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_page_talks_on_through_a_killed_gateway_and_is_missed_when_it_vanishes(
    tmp_path: Path,
) -> None:
    token, digest = new_token()
    port = free_port()
    settings = {
        "api": {"port": port, "tokens": {"desk": {"hash": digest, "role": "operator"}}},
        "webrtc": {},
        "limits": {"warm": 1, "claim_seconds": 30},
    }
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(MortalServer(tmp_path, {"plan": PLAN}, **settings))
        http = await stack.enter_async_context(
            httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{port}",
                headers={"authorization": f"Bearer {token}"},
                timeout=60,
            )
        )
        alice = await stack.enter_async_context(page(http))
        await alice.call(to="100")
        await alice.state("up")
        await server.kill()
        alice.sound(TONE, 15)
        await alice.until(lambda: alice.loudness(TONE)[0] > 0.3)
        await server.start()
        calls = (await http.get("/v1/calls")).json()["calls"]
        assert [call["call_id"] for call in calls] == [alice.call_id]
        # its worker comes back in a moment
        while (hung_up := await http.delete(alice.location)).status_code == 503:
            await asyncio.sleep(0.1)
        assert hung_up.status_code == 204
        assert (await alice.state("ended"))["status"] == 200
        assert (await ended(http, alice.call_id))["ended_by"] == "caller"

        bob = await stack.enter_async_context(page(http))
        await bob.call(to="100")
        await bob.state("up")
        vanish(bob)
        view = await ended(http, bob.call_id)
        assert view["status"] == 408
        assert "nothing came from the browser" in view["reason"]
