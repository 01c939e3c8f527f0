"""collect_secure: the caller types a secret that nobody sees, hears, records or writes down."""

from dataclasses import replace
from typing import ClassVar

from pydantic import Field

from sipagent.call.control import CallControl
from sipagent.call.entries import ENTRIES, EntryKind, Typing
from sipagent.call.verb import Outcome, Verb

from .blocks import Urls
from .flow import remember
from .keyed import Asking
from .private_line import PrivateLine, private_line
from .waiting import answered, while_caller_stays

_KEYS = r"^[0-9*#A-D]*$"
_SAY = "say:"
_TYPE = "Please type your {name} on the keypad, then press the hash key."
_AGAIN = "That was not a valid {name}. Please type it again, then press the hash key."
_NOT_ALOUD = "Please do not say it. Type your {name} on the keypad, then press the hash key."


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
        aloud = self.not_aloud or (_SAY + _NOT_ALOUD.format(name=entry.name),)
        asking = Asking(control, line, aloud, self.digit_timeout, self.initial_timeout)
        typing = Typing(self.terminators, self.cancel, longest)
        for _ in range(self.attempts):
            typing = Typing(self.terminators, self.cancel, longest)
            await asking.attempt(told, typing)
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


SECRET: tuple[type[Verb], ...] = (CollectSecureVerb,)
