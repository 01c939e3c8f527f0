"""A server that is emptied: nobody new comes in, nobody who is there is thrown out."""

import asyncio
import json
from ipaddress import IPv4Network
from pathlib import Path

import pytest
import typer

from sipagent.cli.draining import emptied, refilled
from sipagent.client import SipAgent
from sipagent.config import Guard, Limits, Trunk
from sipagent.errors import LegFailed
from sipagent.testing.frontdoor import UdpPeer
from sipagent.testing.http_door import Tokens
from sipagent.testing.phone import Phone
from sipagent.testing.registrar import Registrar
from sipagent.testing.server import Server, running

PLAN = """
routes: [{to: "100"}]
sections:
  main: [answer, {sleep: {duration: 600000}}]
"""
#: who asks a server with OPTIONS is answered
HEARD = Guard(allow=(IPv4Network("127.0.0.0/8"),))


def base(server: Server) -> str:
    address = server.gateway.http.address
    assert address is not None
    return f"http://{address[0]}:{address[1]}"


async def health(server: Server) -> int:
    """What a dispatcher that asks is told."""
    asking = await UdpPeer.open()
    try:
        asking.send(asking.request("OPTIONS", server.uri("")), server.address())
        return int((await asking.raw(20)).split(b" ", 2)[1])
    finally:
        asking.close()


async def test_a_server_is_emptied_and_filled_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tokens = Tokens()
    async with Registrar() as pbx:
        trunk = Trunk.model_validate(
            {
                "host": pbx.address[0], "port": pbx.address[1], "username": "7000",
                "password": "secret", "registration": True,
            }
        )  # fmt: skip
        settings = {"trunks": {"pbx": trunk}, "guard": HEARD, "limits": Limits(warm=1)}
        async with (
            running(tmp_path, PLAN, api=tokens.api, **settings) as server,
            Phone() as phone,
        ):
            at = (base(server), tokens.of["admin"])
            await pbx.until(lambda: len(pbx.registers) >= 2)
            assert await health(server) == 200
            call = await phone.dial(server.uri("100"))
            await call.wait_answered()
            changed = asyncio.create_task(emptied(at, "", wait=True))
            await server.wait_for(lambda: server.gateway.reception.draining)
            await refilled(at, "")
            with pytest.raises(typer.Exit):  # whoever waited is told that somebody else did
                await asyncio.wait_for(changed, 20)
            waiting = asyncio.create_task(emptied(at, "", wait=True))
            await pbx.until(lambda: pbx.registers[-1].text(b"expires") == b"0")
            await server.wait_for(lambda: server.gateway.reception.draining)
            assert await health(server) == 503
            with pytest.raises(LegFailed) as refused:
                await (await phone.dial(server.uri("100"))).wait_answered()
            assert refused.value.status == 503
            async with SipAgent(*at) as remote:
                assert (await remote.draining()).calls == 1
            assert not waiting.done()
            assert server.gateway.ledger.live == 1  # nobody was thrown out
            await call.hangup()
            await asyncio.wait_for(waiting, 20)
            await server.ended()
            told = capsys.readouterr().out
            assert "takes no new calls; 1 call lives" in told
            assert "takes no new calls; 0 calls live" in told
            before = len(pbx.registers)
            await refilled(at, "")
            await pbx.until(lambda: len(pbx.registers) > before)
            assert await health(server) == 200
            again = await phone.dial(server.uri("100"))
            await again.wait_answered()
            await again.hangup()
            await server.ended(2)
        audit = (server.folder / "bundles" / "audit.jsonl").read_text().splitlines()
        assert [json.loads(line)["act"] for line in audit] == [
            "drain", "undrain", "drain", "undrain",
        ]  # fmt: skip
