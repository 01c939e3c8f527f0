"""Do the providers that plans use answer, and how soon?"""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from statistics import median
from typing import Any, Literal

from sipagent.agent.conversation import Conversation, Message
from sipagent.agent.protocols import Brain, Connected, Say, Spoken, Synthesizer, Transcriber
from sipagent.agent.spec import AgentSpec, ProviderRef
from sipagent.dialplan.model import Plan
from sipagent.doctor.aside import aside
from sipagent.doctor.check import Check
from sipagent.doctor.findings import Ailment, Finding, Severity, fine
from sipagent.doctor.patient import Patient
from sipagent.errors import ProviderError
from sipagent.media.frames import FRAME_MS, Frame, frame_bytes
from sipagent.providers.kit import NOTHING_EXPECTED, Kit
from sipagent.providers.registry import ECHO, ROLES, pick, resolve

Role = Literal["brain", "ears", "voice"]
_ROLES: tuple[Role, ...] = ("brain", "ears", "voice")
#: these need no server, key or model
_EMBEDDED = frozenset({"intents", "grammar", "espeak", "instant", ECHO})
_TIMES = 3
#: seconds for one request
_PATIENCE = 10.0
#: ms until the first words, the final text and the first sound, above which callers wait
_SLOW = {"brain": 1500.0, "ears": 1000.0, "voice": 800.0}
_MEASURED = {"brain": "first words", "ears": "text", "voice": "first sound"}

WRONG_KEY = Ailment(
    "provider-wrong-key",
    Severity.PROBLEM,
    "the vendor refuses the API key, or this key may not do that",
    "set api_key, or the vendor's environment variable, to a key of its console",
)
NO_CREDIT = Ailment(
    "provider-no-credit",
    Severity.PROBLEM,
    "the account has no credit left",
    "pay, or name a second provider behind this one",
)
RATE_LIMITED = Ailment(
    "provider-rate-limited",
    Severity.WARNING,
    "the vendor takes no more requests for now: callers would be passed to the next provider",
    "raise the quota, or name a second provider behind this one",
)
UNKNOWN_MODEL = Ailment(
    "provider-unknown-model",
    Severity.PROBLEM,
    "the server has no such model or voice, or base_url leads elsewhere",
    "correct model, voice or base_url",
)
DEAD = Ailment(
    "provider-dead",
    Severity.PROBLEM,
    "the server does not answer: down, a wrong base_url, or a firewall between",
    "start it or correct base_url; name a second provider behind this one",
)
UNTRUSTED = Ailment(
    "provider-certificate",
    Severity.PROBLEM,
    "the server's certificate cannot be trusted",
    "correct base_url, or see which proxy stands between",
)
FAILED = Ailment(
    "provider-failed",
    Severity.PROBLEM,
    "the provider failed for the reason it says",
    "look at its status page, and at its keys in sipagent.yaml",
)
SLOW = Ailment(
    "provider-slow",
    Severity.WARNING,
    "callers wait that long for every answer",
    "a smaller model, a nearer region, or another vendor; fillers bridge the rest",
)

#: words of our own causes, in the order they are looked for
_BY_WORDS = (
    ("API key", WRONG_KEY),
    ("no credit", NO_CREDIT),
    ("too many requests", RATE_LIMITED),
    ("404 from", UNKNOWN_MODEL),
    ("certificate", UNTRUSTED),
    ("cannot connect", DEAD),
    ("did not answer", DEAD),
    ("no word from", DEAD),
    ("broke", DEAD),
)


@dataclass(frozen=True, slots=True)
class Used:
    """A provider as a plan uses it."""

    role: Role
    ref: ProviderRef
    spec: AgentSpec
    place: str

    @property
    def mark(self) -> str:
        """The same for uses that one request tells all about."""
        return f"{self.role} {self.ref.provider} {json.dumps(self.ref.options, default=str)}"


def used(plans: Sequence[Plan]) -> list[Used]:
    """Every provider that an agent thinks, hears or speaks with, each once."""
    found = {use.mark: use for plan in plans for use in reversed(list(_of(plan)))}
    return [use for use in found.values() if use.ref.provider not in _EMBEDDED]


def _of(plan: Plan) -> Iterator[Used]:
    for name, spec in plan.agents.items():
        for role in _ROLES:
            for ref in getattr(spec, role):
                yield Used(role, ref, spec, f"{plan.name}/{name}")
        for ref in (spec.summary.brain or ()) if spec.summary else ():
            yield Used("brain", ref, spec, f"{plan.name}/{name}.summary")


async def _run(patient: Patient) -> Sequence[Finding]:
    uses = used(patient.plans)
    if not patient.plans:
        return [fine("no dialplan, so no provider")]
    if not uses:
        return [fine("plans use the embedded ears, mind and mouth")]
    return await asyncio.gather(*(_tried(use, patient) for use in uses))


async def _tried(use: Used, patient: Patient) -> Finding:
    settings, name = patient.settings, use.ref.provider
    known = name in settings.providers
    key = f"providers.{name}" if known else f"{use.place}.{use.role}"
    kit = Kit(settings.media.clock_rate, use.spec, None)
    try:
        kind, _ = resolve(use.ref, settings)
        if kind in _EMBEDDED:
            return fine(f"{name}: embedded", key)
        organ = await aside(lambda: pick(ROLES[use.role], use.ref, kit, settings))
        times = await _timed(use.role, organ, kit)
    except ProviderError as error:
        return judged(use, error.cause, key)
    except TimeoutError:
        return DEAD.found(f"{name} ({use.role}): no answer within {_PATIENCE:g} s", key=key)
    middle = median(times)
    what = f"{name} ({use.role}): {_MEASURED[use.role]} after {middle:.0f} ms, of {len(times)}"
    if middle > _SLOW[use.role]:
        return SLOW.found(what, key=key)
    return fine(what, key)


def judged(use: Used, cause: str, key: str) -> Finding:
    """The ailment behind a failure of that cause."""
    ailment = next((known for words, known in _BY_WORDS if words in cause), FAILED)
    return ailment.found(f"{use.ref.provider} ({use.role}): {cause}", key=key)


async def _timed(role: Role, organ: Any, kit: Kit) -> list[float]:
    """Milliseconds of each smallest request. Raises ProviderError, TimeoutError."""
    times = []
    try:
        for _ in range(_TIMES):
            began = time.perf_counter()
            async with asyncio.timeout(_PATIENCE):
                await _ask(role, organ, kit)
            times.append(1000 * (time.perf_counter() - began))
    finally:
        if isinstance(organ, Connected):
            await organ.aclose()
    return times


async def _ask(role: Role, organ: Any, kit: Kit) -> None:
    match role:
        case "brain":
            await _think(organ)
        case "ears":
            await _hear(organ, kit.rate)
        case "voice":
            await _speak(organ)


async def _think(brain: Brain) -> None:
    talk = Conversation(prompt="Answer with one word.")
    talk.add(Message("caller", "Say: ready."))
    async with aclosing(_items(brain.reply(talk, ()))) as answer:
        async for item in answer:
            if isinstance(item, Say | Spoken):
                return


async def _hear(ears: Transcriber, rate: int) -> None:
    """Half a second without a word: no text is right, an error is not."""

    async def silence() -> AsyncIterator[Frame]:
        for number in range(25):
            yield Frame(bytes(frame_bytes(rate)), number * FRAME_MS)

    async with aclosing(_items(ears.transcribe(silence(), NOTHING_EXPECTED))) as told:
        async for _ in told:
            pass


async def _speak(mouth: Synthesizer) -> None:
    async with aclosing(_items(mouth.synthesize("Ready."))) as sound:
        async for chunk in sound:
            if chunk:
                return


async def _items(source: AsyncIterator[Any]) -> AsyncGenerator[Any, None]:
    """The same as a generator, which can be closed early."""
    async for item in source:
        yield item


CHECK = Check(
    "providers",
    "providers of plans",
    _run,
    (WRONG_KEY, NO_CREDIT, RATE_LIMITED, UNKNOWN_MODEL, DEAD, UNTRUSTED, FAILED, SLOW),
    seconds=45.0,
)
