"""baresip, a softphone that is not ours, proves who it is."""

import asyncio
from collections.abc import Awaitable, Callable
from ipaddress import IPv4Network
from typing import Any

import pytest
from pydantic import SecretStr

from sipagent.config import Listener, Phone, Settings, Sip
from sipagent.testing.baresip import Baresip

pytestmark = pytest.mark.peer
Line = Any


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.rfc("7616", "baresip answers our challenge")
async def test_baresip_answers_the_challenge(
    lines: Callable[..., Awaitable[Line]], transport: Any
) -> None:
    settings = Settings(
        sip=Sip(
            listen=(Listener(port=0), Listener(transport="tcp", port=0)),
            guests=(IPv4Network("192.0.2.0/24"),),
        ),
        phones={"1001": Phone(password=SecretStr("s3cret"))},
    )
    line = await lines(settings)
    _, worker = await line.worker()
    host, port = line.public if transport == "udp" else line.tcp
    async with Baresip(
        user="1001", password="s3cret", registrar=f"{host}:{port}", transport=transport
    ) as phone:
        await phone.wait_registered()
        challenged = line.edge.counters.challenged
        dialling = asyncio.create_task(phone.dial("100"))
        got = await worker.get("INVITE", 10)
        assert got.cseq.method == b"INVITE"
        assert line.desk.calls[0].account == "1001"
        await dialling
        assert line.edge.counters.challenged == challenged + 1
