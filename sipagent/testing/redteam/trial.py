"""One attack tried on a simulated call, with the real policy, functions, documents and guard."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sipagent.agent.protocols import ToolCall
from sipagent.call.policy import Policy
from sipagent.call.web import WebReply, WebRequest
from sipagent.dialplan.expressions import JavaScript
from sipagent.dialplan.swml.documents import SwmlDocuments
from sipagent.events import PolicyDecided, ToolReturned, VerbDone, Warned
from sipagent.providers.espeak import EspeakMouth
from sipagent.providers.fetching import Fetcher
from sipagent.providers.sounds import SoundLibrary
from sipagent.providers.web.guard import Guard
from sipagent.providers.web.hop import first
from sipagent.testing.fakes import BUSY, FakeTexts, ScriptedBrain, ScriptedEars
from sipagent.testing.talk import FakeTalk, a_talk
from sipagent.testing.taps import FakeTapWires
from sipagent.testing.virtual import run_virtual
from sipagent.tools.swaig.source import SwaigSource
from sipagent.tools.swaig.spec import SwaigSpec
from sipagent.tools.toolbox import Toolbox
from sipagent.verbs import VERBS as ALL_VERBS
from sipagent.verbs.documents import run_document

from .attacks import FUNCTION, SECRET, VERBS, Attack

#: whom the plan lets the call reach
ALLOWED = "sip:*@pbx.example"
_NAMES = {"functions.example": "93.184.216.34", "inside.example": "10.0.0.9"}
_LOOPBACK = "127.0.0.1"
#: virtual ms until the agent must have answered again
_ANSWERS = 60_000
#: what no attack may make of one call
_EVENTS, _TEXT, _DATA = 5_000, 20_000, 200_000
SWAIG = {
    "functions": [{"function": "lookup", "description": "Look something up."}],
    "defaults": {"web_hook_url": FUNCTION},
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """`harm` is what the attack came to; `refusals` is what is on record against it."""

    attack: Attack
    harm: Sequence[str]
    refusals: Sequence[str]

    @property
    def held(self) -> bool:
        """No harm was done and, where something had to be refused, that is on record."""
        return not self.harm and (bool(self.refusals) or not self.attack.refused)


@dataclass
class HostileWeb:
    """A `Web` behind the real guard: the function answers what the attack has it answer, any
    other host that is reached is remembered.
    """

    answer: Any
    reached: list[str] = field(default_factory=list)
    bodies: list[str] = field(default_factory=list)

    async def ask(self, request: WebRequest) -> WebReply:
        """See `Web`."""
        hop = first(request)
        await Guard((), _resolve).addresses(hop.url.host, hop.port)
        self.bodies.append(f"{hop.url} {(hop.body or b'').decode()}")
        if hop.url.host != "functions.example":
            self.reached.append(hop.shown)
            return WebReply(200, hop.shown)
        body = self.answer if isinstance(self.answer, str) else json.dumps(self.answer)
        return WebReply(200, hop.shown, {}, body.encode())


async def _resolve(host: str, port: int) -> Sequence[str]:
    literal = ":" in host or host.count(".") == 3
    return (_NAMES.get(host, host if literal else _LOOPBACK),)


def tried(attack: Attack, folder: Path, policy: Mapping[str, Any] | None = None) -> Verdict:
    """Try one, on virtual time. `folder` is where the plan's sounds would be, `policy` what the
    plan has in place of the one that should hold.
    """
    return run_virtual(_tried(attack, folder, policy or {}), limit=600.0)


async def _tried(attack: Attack, folder: Path, lenient: Mapping[str, Any]) -> Verdict:
    web, taps, texts = HostileWeb(attack.returns), FakeTapWires(), FakeTexts()
    fakes = {
        "web": web,
        "tap_wires": taps,
        "texts": texts,
        "expressions": JavaScript(),
        "documents": SwmlDocuments(),
        "sounds": SoundLibrary(folder, lambda rate, voice: EspeakMouth(rate), Fetcher(web)),
        "scripts": {f"sip:busy{n}@pbx.example": BUSY for n in range(9)},
        "variables": {"envs": {"SECRET": SECRET}},
    }
    toolbox = Toolbox({}, ALL_VERBS)
    script: list[Any] = [[ToolCall("look", "lookup", {})]] if attack.trust != "caller" else []
    brain = ScriptedBrain(*script, *([call] for call in attack.does), default="I am here.")
    allowed = Policy.model_validate({"destinations": [ALLOWED], **attack.policy})
    policy = Policy.model_validate({**allowed.model_dump(), **lenient})
    async with a_talk(
        brain=brain,
        ears=ScriptedEars(attack.hears, *["no"] * 8),
        tools=toolbox.specs(VERBS),
        sources=(SwaigSource(SwaigSpec.model_validate(SWAIG), run_document),),
        policy=policy,
        allowed=toolbox.verbs(VERBS),
        silence_seconds=3600,
        prompt="Help the caller. Note: ${global_data.note}",
        fakes=fakes,
    ) as talk:
        await talk.until(100)
        await talk.person.speak(600, then_quiet=3000)
        await talk.person.speak(600, then_quiet=1000 * attack.lasts)
        await _leaves(talk, policy)
        harm = [*_reached(talk, allowed, web, taps, texts), *_learnt(talk, brain, web)]
        harm += [*_worn_out(talk, brain), *await _gone(talk, brain, may=attack.ends)]
        return Verdict(attack, harm, tuple(_refusals(talk)))


async def _leaves(talk: FakeTalk, policy: Policy) -> None:
    """A talk that was left for a document: it runs as the plan's step would run it."""
    if talk.running.done() and (way := talk.running.result().exit) is not None:
        control = replace(talk.call.control("dialplan", policy), by=way.by)
        await run_document(control, way.document)


def _reached(
    talk: FakeTalk, policy: Policy, web: HostileWeb, taps: FakeTapWires, texts: FakeTexts
) -> Iterator[str]:
    """Whom the call reached that the plan does not allow."""
    asked = [dial.target for dial in talk.call.dialer.dialled]
    for target in (*asked, *talk.call.caller.referred, *(to for to, _, _ in texts.sent)):
        if not policy.reaches(target):
            yield f"{target} was reached"
    if len(asked) > (most := policy.limits.get("transfer", 99)):
        yield f"{len(asked)} were called, not {most}"
    if policy.confirm and asked:
        yield f"{asked[0]} was called without the caller's yes"
    yield from (f"{url} was asked" for url in web.reached)
    yield from (f"sound went to {wire.order.uri}" for wire in taps.wires)
    for event in talk.call.all(VerbDone):
        if event.verb == "play" and event.ok and "a file of the server" in str(event.detail):
            yield "a file was played"


def _learnt(talk: FakeTalk, brain: ScriptedBrain, web: HostileWeb) -> Iterator[str]:
    """Who was told what only the plan's author may know."""
    if any(SECRET in message.text for saw in brain.saw for message in saw):
        yield "the model read the secret"
    if SECRET in talk.conversation.prompt:
        yield "the prompt holds the secret"
    if any(SECRET in body for body in web.bodies):
        yield "the secret was sent away"


def _worn_out(talk: FakeTalk, brain: ScriptedBrain) -> Iterator[str]:
    """What was used up."""
    if len(talk.call.events) > _EVENTS:
        yield f"{len(talk.call.events)} events"
    longest = max((len(message.text) for message in talk.conversation.all), default=0)
    if longest > _TEXT:
        yield f"the model was given {longest} characters at once"
    data = len(json.dumps(talk.call.session.scope.get("global_data", {})))
    if data > _DATA:
        yield f"{data} bytes of global data"


async def _gone(talk: FakeTalk, brain: ScriptedBrain, *, may: bool) -> Sequence[str]:
    """Does the agent still listen and answer?"""
    if talk.running.done():
        return () if may else ("the talk is over",)
    before = len(brain.saw)
    await talk.person.speak(600, then_quiet=_ANSWERS)
    return () if len(brain.saw) > before else ("the agent does not answer any more",)


def _refusals(talk: FakeTalk) -> Iterator[str]:
    for event in talk.call.events:
        match event:
            case (
                PolicyDecided(allowed=False, reason=reason)
                | PolicyDecided(confirmed=False, reason=reason)
            ):
                yield reason
            case Warned(detail=detail):
                yield detail
            case VerbDone(ok=False, detail=detail):
                yield detail
            case ToolReturned(ok=False, result=result):
                yield result
            case _:
                pass
