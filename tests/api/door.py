"""The HTTP door of a server in tests: somebody with a token, and a plan to call."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from sipagent.api.keyring import new_token
from sipagent.app.gateway import Gateway
from sipagent.app.plans import open_plans
from sipagent.config import Api, Limits
from sipagent.testing.server import Server, settings_in

#: workers that stand ready: a server that has to fork fewer is there sooner
FEW = Limits(warm=2)


class Tokens:
    """One for each role, and the settings that know them."""

    def __init__(self, **settings: Any) -> None:
        made = {role: new_token() for role in ("viewer", "operator", "admin")}
        self.of = {role: token for role, (token, _) in made.items()}
        tokens = {role: {"hash": digest, "role": role} for role, (_, digest) in made.items()}
        self.api = Api.model_validate({"port": 0, "tokens": tokens, **settings})


@asynccontextmanager
async def without_sip(folder: Path, plans: str, tokens: Tokens) -> AsyncIterator[Server]:
    """A server of which only records and the HTTP door are open: there at once."""
    made = settings_in(folder, plans, api=tokens.api)
    gateway = Gateway(made, open_plans(made))
    try:
        await gateway.store.open()
        await gateway.http.start()
        yield Server(gateway, folder)
    finally:
        await gateway.http.close()
        await gateway.ledger.close()
        await gateway.store.close()


def base(server: Server) -> str:
    """Where the door is."""
    address = server.gateway.http.address
    assert address is not None
    return f"http://{address[0]}:{address[1]}"


@asynccontextmanager
async def client(server: Server, token: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client with that token."""
    headers = {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=base(server), headers=headers, timeout=20) as http:
        yield http
