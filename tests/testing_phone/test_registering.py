"""A phone makes itself known to a registrar that asks for a password."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from sipagent.errors import LegFailed
from sipagent.testing.phone import Phone
from sipagent.testing.sip.matching import Transactions
from sipagent.testing.sip.message import Request, parse
from sipagent.testing.sip.transaction import ServerTransaction, Timers
from sipagent.testing.sip.transport import open_udp


@asynccontextmanager
async def registrar(seen: list[Request]) -> AsyncIterator[str]:
    """Challenges once, then takes anybody."""

    def asked(request: Request, transaction: ServerTransaction | None) -> None:
        assert transaction is not None
        seen.append(request)
        if request.get("Authorization"):
            transaction.respond(request.reply(200))
        else:
            challenge = ("WWW-Authenticate", 'Digest realm="r", nonce="n", qop="auth"')
            transaction.respond(request.reply(401, headers=[challenge]))

    transport = await open_udp("127.0.0.1", 0, lambda data, to: layer.receive(parse(data), to))
    layer = Transactions(transport.send, Timers(), asked)
    yield f"sip:127.0.0.1:{transport.local[1]}"
    layer.close()
    await transport.close()


async def test_a_phone_registers_with_its_password() -> None:
    seen: list[Request] = []
    async with registrar(seen) as uri, Phone(user="7000", password="secret") as phone:
        await phone.register(uri, expires=60)
        assert [request.cseq for request in seen] == [(1, "REGISTER"), (2, "REGISTER")]
        assert seen[1].uri == uri
        assert seen[1].get("To") == f"<{uri.replace('sip:', 'sip:7000@')}>"
        assert seen[1].get("Expires") == "60"
        assert phone.uri in seen[1].get("Contact")


async def test_a_phone_without_a_password_is_refused() -> None:
    async with registrar([]) as uri, Phone(user="7000") as phone:
        with pytest.raises(LegFailed, match="401"):
            await phone.register(uri)
