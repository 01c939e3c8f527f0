"""The HTTP door of a server that takes no calls: there at once, with calls told by events."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sipagent.api.keyring import new_token
from sipagent.app.gateway import Gateway
from sipagent.app.plans import open_plans
from sipagent.config import Api
from sipagent.events import Event

from .server import Server, settings_in


class Tokens:
    """One for each role, and the settings that know them."""

    def __init__(self, **settings: Any) -> None:
        made = {role: new_token() for role in ("viewer", "operator", "admin")}
        self.of = {role: token for role, (token, _) in made.items()}
        tokens = {role: {"hash": digest, "role": role} for role, (_, digest) in made.items()}
        self.api = Api.model_validate({"port": 0, "tokens": tokens, **settings})


@asynccontextmanager
async def without_workers(
    folder: Path, plans: str, tokens: Tokens, **settings: Any
) -> AsyncIterator[Server]:
    """A server of which records, SIP sockets and the HTTP door are open; it has no workers."""
    made = settings_in(folder, plans, api=tokens.api, **settings)
    gateway = Gateway(made, open_plans(made))
    try:
        await gateway.store.open()
        gateway.keeping.start()
        await gateway.edge.start()
        await gateway.http.start()
        yield Server(gateway, folder)
    finally:
        await gateway.http.close()
        await gateway.edge.close()
        await gateway.ledger.close()
        await gateway.keeping.close()
        await gateway.store.close()


def happens(server: Server, events: Sequence[Event]) -> None:
    """As if a worker had told it, of one call."""
    ledger, call_id = server.gateway.ledger, events[0].call_id
    if ledger.record(call_id) is None:
        ledger.open(call_id, f"sip-{call_id}", server.folder / "bundles" / call_id)
    for event in events:
        ledger.happened(event)
