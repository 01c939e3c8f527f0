"""Agents run by SignalWire's SDKs, each in a process of its own, as their authors start them."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from sipagent.testing import processes
from sipagent.testing.ports import free_port

AGENTS = Path(__file__).parent / "agents"
USER, PASSWORD = "rossi", "p:w"
#: seconds the SDK has to start: it imports much
_STARTS = 40.0


@dataclass(frozen=True, slots=True)
class SdkAgent:
    """An agent that serves at `url`; `log` is what it was told, as it notes it itself."""

    url: str
    log: Path

    def told(self, kind: str) -> list[dict[str, Any]]:
        """The notes of one kind so far."""
        if not self.log.exists():
            return []
        notes = [json.loads(line) for line in self.log.read_text().splitlines()]
        return [note for note in notes if note["kind"] == kind]


@asynccontextmanager
async def sdk_agent(folder: Path, script: str, package: str, *more: str) -> AsyncIterator[SdkAgent]:
    """Start an agent of `agents/` and wait until it answers. Raises TimeoutError."""
    port, log = free_port(), folder / "told.jsonl"
    command = [sys.executable, str(AGENTS / script), package, str(port), *more, str(log)]
    environment = {
        "SWML_BASIC_AUTH_USER": USER,
        "SWML_BASIC_AUTH_PASSWORD": PASSWORD,
        "SIGNALWIRE_LOG_MODE": "off",
    }
    process = await processes.start(command, folder / "sdk.log", folder, environment)
    try:
        route = Path(script).stem
        await _answers(f"http://127.0.0.1:{port}/{route}", process, folder / "sdk.log")
        yield SdkAgent(f"http://{USER}:{PASSWORD}@127.0.0.1:{port}/{route}", log)
    finally:
        await processes.stop(process)


async def _answers(url: str, process: asyncio.subprocess.Process, log: Path) -> None:
    async with asyncio.timeout(_STARTS), httpx.AsyncClient() as client:
        while True:
            assert process.returncode is None, log.read_text()[-2000:]
            try:
                await client.get(url)
            except httpx.HTTPError:
                await asyncio.sleep(0.1)
            else:
                return
