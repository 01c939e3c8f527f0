"""collect_secure: the caller types a secret that nobody sees, hears, records or writes down."""

import asyncio
from dataclasses import replace
from typing import Any, ClassVar

from pydantic import Field

from sipagent.call.control import Announcer, CallControl
from sipagent.call.entries import ENTRIES, EntryKind, Typing
from sipagent.call.verb import Outcome, Verb

from .blocks import Urls
from .flow import remember
from .playing import play_all, sound_port
from .private_line import PrivateLine, private_line
from .waiting import answered, stopped, while_caller_stays

_KEYS = r"^[0-9*#A-D]*$"
_SAY = "say:"
_TYPE = "Please type your {name} on the keypad, then press the hash key."
_AGAIN = "That was not a valid {name}. Please type it again, then press the hash key."
_NOT_ALOUD = "Please do not say it. Type your {name} on the keypad, then press the hash key."
#: how often one who speaks is told, in one attempt
_REMINDERS = 2


class CollectSecureVerb(Verb):
    """Let the caller type a card number, its expiry date or security code, a PIN or another secret
    number. They are told what to type: do not ask for it, and never let them say it. You learn
    only whether it was collected; tools that need it find it by themselves.
    """

    name: ClassVar[str] = "collect_secure"
    shorthand: ClassVar[str | None] = "kind"
    is_tool: ClassVar[bool] = True
    tool_fields: ClassVar[tuple[str, ...] | None] = ("kind",)
    tool_extras: ClassVar[tuple[str, ...]] = (
        "secret", "prompt", "retry", "not_aloud", "attempts", "min_digits", "max_digits",
        "terminators", "cancel", "digit_timeout", "initial_timeout",
    )  # fmt: skip
    kind: EntryKind = Field(default="number", description="what it is, and so what is checked")
    secret: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z_]\w*$",
        description="the parameter of a tool that gets it; default: the kind",
    )
    prompt: Urls = Field(default=(), description="what the caller is told: say:..., files")
    retry: Urls = Field(default=(), description="after an entry that cannot be right")
    not_aloud: Urls = Field(default=(), description="to one who speaks instead")
    attempts: int = Field(default=3, ge=1, le=10)
    min_digits: int | None = Field(default=None, ge=1, le=64, description="default: the kind's")
    max_digits: int | None = Field(default=None, ge=1, le=64, description="default: the kind's")
    terminators: str = Field(default="#", pattern=_KEYS, description="keys that end it")
    cancel: str = Field(default="*", pattern=_KEYS, description="keys that give it up")
    digit_timeout: float = Field(default=5, gt=0, le=60, description="seconds between keys")
    initial_timeout: float = Field(default=15, gt=0, le=120, description="seconds to the first key")

    async def run(self, control: CallControl) -> Outcome:
        """Sets secure_result (collected, cancelled, no_input, invalid, failed) and secure_digits
        (how many).
        """
        call, secret = control.call, self.secret or self.kind
        remember(call, secure_result="failed", secure_digits=0)
        await answered(call)
        call.secrets.wipe((secret,))
        async with private_line(call, secret, self.kind) as line:
            ending = await while_caller_stays(call, self._collect(control, line, secret))
        remember(call, secure_result=line.result, secure_digits=line.count)
        if line.result == "collected":
            return Outcome(detail=f"collected {line.count} digits{ending}")
        words = {"cancelled": "did not want to", "no_input": "typed nothing"}
        return Outcome(False, f"the caller {words.get(line.result, 'typed nothing valid')}")

    async def _collect(self, control: CallControl, line: PrivateLine, secret: str) -> str:
        """Attempts until one is right; how it ends, where the plan lets that be told."""
        call, known = control.call, ENTRIES[self.kind]
        shortest, longest = self.min_digits or known.shortest, self.max_digits or known.longest
        entry = replace(known, shortest=shortest, longest=longest)
        told = self.prompt or (_SAY + _TYPE.format(name=entry.name),)
        typing = Typing(self.terminators, self.cancel, longest)
        for _ in range(self.attempts):
            typing = Typing(self.terminators, self.cancel, longest)
            await self._attempt(control, line, told, typing)
            if typing.cancelled or entry.accepts(typing.digits, call.services.now().date()):
                break
            if typing.digits:
                told = self.retry or (_SAY + _AGAIN.format(name=entry.name),)
        digits, count = typing.digits, len(typing.digits)
        if typing.cancelled:
            line.done("cancelled", count, by_key=True)
            return ""
        if not entry.accepts(digits, call.services.now().date()):
            line.done("invalid" if digits else "no_input", count, by_key=typing.terminated)
            return ""
        call.secrets.keep(secret, digits)
        line.done("collected", count, by_key=typing.terminated)
        # of a shorter secret the last four would be nearly all of it
        shown = call.services.privacy.last_four and self.kind == "card_number"
        return f", ending in {digits[-4:]}" if shown else ""

    async def _attempt(
        self, control: CallControl, line: PrivateLine, told: Urls, typing: Typing
    ) -> None:
        key = await self._first_key(control, line, told)
        while key is not None and not typing.key(key):
            try:
                key = await asyncio.wait_for(line.keys.key(), self.digit_timeout)
            except TimeoutError:
                key = None

    async def _first_key(self, control: CallControl, line: PrivateLine, told: Urls) -> str | None:
        """Say what to do, and again to one who speaks; None where no key comes."""
        aloud = self.not_aloud or (_SAY + _NOT_ALOUD.format(name=ENTRIES[self.kind].name),)
        key = asyncio.ensure_future(line.keys.key())
        try:
            for words in (told, *[aloud] * _REMINDERS):
                saying = asyncio.ensure_future(_say(control, words))
                either: set[asyncio.Future[Any]] = {key, saying}
                try:
                    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
                    if saying.done():
                        saying.result()
                finally:
                    await stopped(saying)
                if not key.done() and not await self._spoken(line, key):
                    break
            return key.result() if key.done() else None
        finally:
            await stopped(key)

    async def _spoken(self, line: PrivateLine, key: "asyncio.Future[str]") -> bool:
        """Wait for the first key; True where somebody speaks before it."""
        line.aloud.clear()
        voice = asyncio.ensure_future(line.aloud.wait())
        try:
            either: set[asyncio.Future[Any]] = {key, voice}
            limit = self.initial_timeout
            await asyncio.wait(either, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
            return voice.done() and not key.done()
        finally:
            await stopped(voice)


async def _say(control: CallControl, what: Urls) -> None:
    """In the agent's own voice where there is an agent."""
    call = control.call
    agent: object = control.presence
    for url in what:
        if url.startswith(_SAY) and isinstance(agent, Announcer):
            await agent.say(url.removeprefix(_SAY))
        else:
            async with sound_port(call, "secure") as port:
                await play_all(call, port, (url,))


SECRET: tuple[type[Verb], ...] = (CollectSecureVerb,)
