"""An agent with a scripted language model for a mind, and a caller: real SIP, RTP and HTTP."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from sipagent.events import Base, Said

from .call import PhoneCall
from .model_server import ModelServer, Reply, Request
from .phone import Phone
from .recorded import in_it, voice_of
from .server import PATIENCE, Server, running
from .voice import speak

E = TypeVar("E", bound=Base)
Script = Sequence[Reply | str]

GREETING = "Rossi and Sons, good morning."
APOLOGY = "Sorry, something went wrong."
#: how often a caller repeats what was not understood, as a person would
_TRIES = 3
#: seconds until a caller repeats it
_REPEAT = 4.0

_PLAN = """
routes: [{to: "100"}]
agents:
  desk:
    greeting: "GREETING"
    apology: "APOLOGY"
    prompt: "You are the receptionist."
    brain: {provider: mind}
    tools: [TOOLS]
    intents:
      sales: {phrases: ["connect me to the sales department"]}
      order: {phrases: ["where is my order"]}
      wait: {phrases: ["i have another question"]}
    fallback: sorry
policy: POLICY
sections:
  main: [answer, {record_call: {stereo: true}}, {ai: {agent: desk}}, hangup]
  sorry: [{play: "say:We cannot take your call today."}, hangup]
"""


class NotUnderstood(TimeoutError):
    """The caller said it again and again, and the model never heard of it."""


@dataclass(frozen=True, slots=True)
class Talk:
    """A call that was greeted, and everything around it."""

    server: Server
    model: ModelServer
    call: PhoneCall

    async def says(self, words: str) -> Request:
        """Say it, again where it was not understood; the request the model got for it.

        Raises NotUnderstood.
        """
        before = len(self.model.chats)
        for attempt in range(_TRIES):
            await self.call.play(await asyncio.to_thread(speak, words))
            try:
                last_try = attempt == _TRIES - 1
                return await self.request(before + 1, PATIENCE if last_try else _REPEAT)
            except TimeoutError:
                continue
        raise NotUnderstood(words)

    async def presses(self, keys: str) -> Request:
        """Press keys; the request the model got for them. Raises TimeoutError."""
        before = len(self.model.chats)
        await self.call.press(keys)
        return await self.request(before + 1)

    async def request(self, number: int, timeout: float = PATIENCE) -> Request:
        """The model's `number`th request. Raises TimeoutError."""
        await self.server.wait_for(lambda: len(self.model.chats) >= number, timeout)
        return self.model.chats[number - 1]

    async def told(self, words: str, *, since: int = 0) -> Said:
        """The agent's turn in which these words were heard, once it is over.

        Raises TimeoutError.
        """

        def said(event: Base) -> bool:
            return isinstance(event, Said) and event.speaker == "agent" and words in event.text

        event = await self.server.until(said, since=since)
        assert isinstance(event, Said)
        return event

    def all(self, kind: type[E]) -> list[E]:
        """The events of one type so far."""
        return [event for event in self.server.events if isinstance(event, kind)]

    async def heard(self, said: Said) -> bool:
        """Hang up; did what is on record as the agent's voice come over the wire?

        Raises TimeoutError where there is no record.
        """
        if not self.call.ended.done():
            await self.call.hangup()
        return in_it(await voice_of(self.server, said), self.call.stream.heard.pcm())


def last(request: Request) -> str:
    """What the model read last."""
    return str(request.messages[-1]["content"])


@asynccontextmanager
async def modelled(
    folder: Path,
    script: Script,
    *,
    offered: str = "transfer",
    policy: str = "{}",
    provider: Mapping[str, Any] | None = None,
    events: tuple[int, int] | None = (101, 8000),
    more: str = "",
    **settings: Any,
) -> AsyncIterator[Talk]:
    """A call to the agent, greeted; the model answers by the script.

    `offered` (tools) and `policy` stand in the plan as they are, and so do `more` keys of it;
    `provider` holds more keys of the model's provider, `settings` are those of `Settings`. `events`
    are the telephone-events the caller's phone offers, see `Phone`.
    """
    values = {"GREETING": GREETING, "APOLOGY": APOLOGY, "TOOLS": offered, "POLICY": policy}
    plan = _PLAN + more
    for name, value in values.items():
        plan = plan.replace(name, value)
    async with ModelServer(script) as model, Phone(user="alice", events=events) as phone:
        mind = {"kind": "openai", "model": "test", "base_url": model.base_url, **(provider or {})}
        async with running(folder, plan, providers={"mind": mind}, **settings) as server:
            call = await phone.dial(server.uri("100"))
            await call.wait_answered()
            talk = Talk(server, model, call)
            await talk.told(GREETING)
            yield talk
