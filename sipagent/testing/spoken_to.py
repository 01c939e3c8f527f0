"""A caller and an agent with a local speech-to-speech model: real SIP, RTP and WebSocket."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from sipagent.events import Base, Said

from .call import PhoneCall
from .phone import Phone
from .server import Server, running
from .vendors.openai_realtime import RealtimeServer
from .vendors.realtime_script import Script
from .voice import speak

E = TypeVar("E", bound=Base)
GREETING = "Rossi and Sons, good morning."
APOLOGY = "Sorry, something went wrong."

_PLAN = """
routes: [{to: "100"}]
agents:
  desk:
    greeting: "GREETING"
    apology: "APOLOGY"
    prompt: "You are the receptionist."
    brain: {provider: mind}
    tools: [TOOLS]
    intents: {}
    fallback: sorry
policy: POLICY
sections:
  main: [answer, {record_call: {stereo: true}}, {ai: {agent: desk}}, hangup]
  sorry: [{play: "say:We cannot take your call today."}, hangup]
"""


@dataclass(frozen=True, slots=True)
class SpokenTo:
    """A call that was greeted, and everything around it."""

    server: Server
    model: RealtimeServer
    call: PhoneCall

    async def says(self, words: str) -> None:
        """Speak, and be silent."""
        await self.call.play(await asyncio.to_thread(speak, words))

    async def said(self, speaker: str, words: str, *, since: int = 0) -> Said:
        """The turn in which these words were heard, once it is over. Raises TimeoutError."""

        def wanted(event: Base) -> bool:
            return isinstance(event, Said) and event.speaker == speaker and words in event.text

        event = await self.server.until(wanted, since=since)
        assert isinstance(event, Said)
        return event

    def all(self, kind: type[E]) -> list[E]:
        """The events of one type so far."""
        return [event for event in self.server.events if isinstance(event, kind)]


@asynccontextmanager
async def spoken_to(
    folder: Path,
    script: Script,
    *,
    offered: str = "transfer",
    policy: str = "{}",
    provider: Mapping[str, Any] | None = None,
    **settings: Any,
) -> AsyncIterator[SpokenTo]:
    """A call to the agent, greeted by the model.

    `offered` (tools) and `policy` stand in the plan as they are, `provider` holds more keys of
    the model's provider, `settings` are those of `Settings`.
    """
    values = {"GREETING": GREETING, "APOLOGY": APOLOGY, "TOOLS": offered, "POLICY": policy}
    plan = _PLAN
    for name, value in values.items():
        plan = plan.replace(name, value)
    async with RealtimeServer(script) as model, Phone(user="alice") as phone:
        mind = {
            "kind": "openai-realtime",
            "model": "m",
            "base_url": model.base_url,
            **(provider or {}),
        }
        async with running(folder, plan, providers={"mind": mind}, **settings) as server:
            call = await phone.dial(server.uri("100"))
            await call.wait_answered()
            talk = SpokenTo(server, model, call)
            await talk.said("agent", GREETING)
            yield talk
