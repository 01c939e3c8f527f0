"""The HTTP API on a socket, with a call that lives and one that is over, to be fuzzed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from sipagent.api.audit import AuditedCalls
from sipagent.api.server import HttpServer
from sipagent.config import Webrtc
from sipagent.events import CallEnded, CallStarted, Event, LegChanged, Said

from ..http_door import Tokens, happens, without_workers
from ..simulated_calls import SimulatedCalls
from .http_api import HttpFuzz, Report

LIVE, OVER = "20260302-090000-1a2b3c4d", "20260302-080000-4d3c2b1a"
_PLAN = """version: 1.0.0
routes: [{to: "200"}]
sections:
  main: [answer, hangup]
"""


async def fuzz_http(folder: Path, examples: int) -> Report:
    """So many examples of each kind for each operation."""
    tokens = Tokens(requests_per_second=1_000_000, under_way=1000)
    async with opened(folder, tokens) as base:
        known = {"call_id": LIVE, "name": "plan"}
        fuzz = await asyncio.to_thread(HttpFuzz, base, tokens.of, known, examples=examples)
        return await asyncio.to_thread(fuzz.run)


@asynccontextmanager
async def opened(folder: Path, tokens: Tokens) -> AsyncIterator[str]:
    """Where it is. All is real but the workers: what is asked of a call is done at once."""
    async with without_workers(folder, _PLAN, tokens, webrtc=Webrtc()) as server:
        happens(server, _call(LIVE))
        happens(server, [*_call(OVER), CallEnded(call_id=OVER)])
        doors = server.gateway.http.doors
        assert doors is not None
        calls = AuditedCalls(SimulatedCalls(server.gateway.live, LIVE), doors.calls.audit)
        ready = replace(doors, calls=calls, why_not_ready=lambda: "", mounts={})
        door = HttpServer(ready, tokens.api)
        await door.start()
        try:
            yield f"http://{door.address[0]}:{door.address[1]}"
        finally:
            await door.close()


def _call(call_id: str) -> list[Event]:
    at = datetime.now(UTC)
    caller = "sip:alice@pbx.example"
    return [
        CallStarted(call_id=call_id, at=at, caller=caller, callee="sip:200@pbx.example"),
        LegChanged(call_id=call_id, at=at, leg="1", remote=caller, state="confirmed"),
        Said(call_id=call_id, at=at, speaker="caller", text="hello", start=10, end=400),
    ]
