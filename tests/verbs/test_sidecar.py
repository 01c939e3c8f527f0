"""ai_sidecar: a model listens to two people, calls its tools, and speaks to neither."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from sipagent.agent.failover import only
from sipagent.agent.protocols import ToolCall
from sipagent.agent.sidecar import ModelSidecar
from sipagent.call.control import CallControl
from sipagent.call.verb import Outcome
from sipagent.errors import ProviderError
from sipagent.events import ToolReturned, Warned
from sipagent.testing.fakes import FakeCall, FakeListening, ScriptedBrain, a_call
from sipagent.testing.posted import FakeWeb
from sipagent.testing.virtual import virtual_time
from sipagent.tools.spec import ToolResult, ToolSpec
from sipagent.verbs import VERBS

URL = "https://hook.example/"
SAYS = {
    "remote-caller": [(1, "I want to cancel"), (5, "it is too dear")],
    "local-caller": [(3, "why is that")],
}
ASKED = {"prompt": "Help the operator.", "lang": "en-US", "url": URL}


async def _offer(arguments: Mapping[str, Any], control: CallControl) -> ToolResult:
    return ToolResult(f"10 % off, asked by {control.by}")


class Shop:
    """A source of one tool."""

    def __init__(self) -> None:
        self.closed = False

    def open(self, control: CallControl) -> None:
        pass

    def offered(self) -> Sequence[ToolSpec]:
        return (ToolSpec("offer", "What may be offered.", {"type": "object"}, _offer),)

    async def close(self) -> None:
        self.closed = True


class Garage:
    """Sidecars with a scripted mind."""

    def __init__(self, brain: ScriptedBrain) -> None:
        self.brain = brain
        self.shop = Shop()
        self.asked: list[Mapping[str, Any]] = []

    def sidecar(self, about: Mapping[str, Any], control: CallControl) -> ModelSidecar:
        self.asked.append(about)
        prompt = about["prompt"]["text"]
        return ModelSidecar(prompt, only(self.brain, "scripted"), [self.shop], control)


async def do(call: FakeCall, **arguments: Any) -> Outcome:
    return await call.control().do(VERBS["ai_sidecar"].model_validate(arguments))


@pytest.mark.swml("verb", "ai_sidecar", "both legs to a model with tools, events to url")
@virtual_time
async def test_a_silent_listener_calls_a_tool_and_tells_the_operator() -> None:
    web = FakeWeb()
    brain = ScriptedBrain([ToolCall("1", "offer", {})], "Offer 10 % off.", "They find it dear.")
    garage = Garage(brain)
    call = a_call(web=web, hearing=FakeListening(SAYS), sidecars=garage)
    assert (await do(call, **ASKED, model="big", SWAIG={"functions": []}, hints=["Rossi"])).ok
    assert garage.asked[0]["params"] == {"ai_model": "big"} and "SWAIG" in garage.asked[0]
    await asyncio.sleep(8)
    await call.close()
    said = [state for state in web.states(URL) if state != "utterance"]
    assert said == ["started", "insight", "insight", "finished"]
    texts = [text for text in web.states(URL, "text") if text]
    assert texts == ["Offer 10 % off.", "They find it dear."]
    assert call.all(ToolReturned)[0].result == "10 % off, asked by model"
    assert len(web.told(URL)[-1]["params"]["transcript"]) == 3
    assert garage.shop.closed and not any(any(f.pcm) for f in call.caller.far.heard)


@virtual_time
async def test_a_model_that_fails_is_told_of_and_listens_on() -> None:
    web, out = FakeWeb(), ProviderError("mind", "out of order")
    call = a_call(
        web=web,
        hearing=FakeListening(SAYS),
        sidecars=Garage(ScriptedBrain([out], "They find it dear.")),
    )
    await do(call, **ASKED)
    await asyncio.sleep(8)
    assert (await do(call, **ASKED, action="stop")).ok
    await asyncio.sleep(1)
    assert "insight" in web.states(URL) and web.states(URL)[-1] == "finished"
    assert any("out of order" in warned.detail for warned in call.all(Warned))


@virtual_time
async def test_without_a_language_model_nobody_listens() -> None:
    call = a_call(hearing=FakeListening(SAYS))
    outcome = await do(call, **ASKED)
    assert not outcome.ok and "language model" in outcome.detail
    with pytest.raises(ValueError, match="files are not read"):
        VERBS["ai_sidecar"].model_validate({**ASKED, "prompt": {"file": "/etc/passwd"}})
