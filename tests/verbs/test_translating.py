"""live_translate: each party hears the other, and then what they said in their own language."""

import asyncio
from typing import Any

import pytest

from sipagent.call.verb import Outcome
from sipagent.events import Transcribed, Warned
from sipagent.testing.fakes import FakeCall, FakeListening, FakeModel, FakeSounds, Script, a_call
from sipagent.testing.posted import FakeWeb
from sipagent.testing.virtual import virtual_time
from sipagent.verbs import VERBS

URL = "https://hook.example/"
SAYS = {"remote-caller": [(5, "good morning")], "local-caller": [(10, "buongiorno")]}
WORDS = {"good morning": "buongiorno", "buongiorno": "good morning", "One moment.": "Un momento."}


async def do(call: FakeCall, verb: str, **arguments: Any) -> Outcome:
    return await call.control().do(VERBS[verb].model_validate(arguments))


def start(**options: Any) -> dict[str, Any]:
    given = {"from_lang": "en-US", "to_lang": "it-IT", "webhook": URL, "live_events": True}
    return {"action": {"start": given | options}}


def hears(call: FakeCall, who: Any, since: int, until: int) -> bool:
    return any(any(f.pcm) for f in who.far.heard if since <= f.t < until)


@pytest.mark.swml("verb", "live_translate", "start, stop, inject; each in their language")
@virtual_time
async def test_an_interpreter_speaks_to_each_party_alone_in_their_language() -> None:
    web, sounds = FakeWeb(), FakeSounds()
    model = FakeModel(lambda prompt, text: WORDS[text])
    call = a_call(
        web=web,
        sounds=sounds,
        models=model,
        hearing=FakeListening(SAYS),
        scripts={"sip:bob@a": Script(answers=1)},
    )
    assert (await do(call, "live_translate", **start(filter_from="polite"))).ok
    talk = asyncio.ensure_future(do(call, "connect", to="sip:bob@a", ringback="silence:1"))
    await asyncio.sleep(8)
    bob = call.dialer.legs[0]
    assert hears(call, bob, 4900, 8000) and not hears(call, call.caller, 4900, 8000)
    await asyncio.sleep(5)
    assert hears(call, call.caller, 9900, 13_000) and not hears(call, bob, 9900, 13_000)
    assert [url for url in sounds.loaded if url.startswith("say:")] == [
        "say:buongiorno",
        "say:good morning",
    ]
    first, second = model.asked
    assert "it-IT" in first[0] and "polite" in first[0]
    assert "en-US" in second[0] and "polite" not in second[0]
    wish = {"inject": {"message": "One moment.", "direction": "local-caller"}}
    assert (await do(call, "live_translate", action=wish)).data["said"] == ["Un momento."]
    assert (await do(call, "live_translate", action="stop")).ok
    call.caller.hang_up_remotely()
    await talk
    await call.close()
    assert web.states(URL) == ["started", "utterance", "utterance", "finished"]
    transcript = web.told(URL)[-1]["params"]["transcript"]
    assert [entry["translation"] for entry in transcript] == ["buongiorno", "good morning"]
    assert call.all(Transcribed)[0].translation == "buongiorno" and model.closed == 1


@pytest.mark.swml("verb", "live_translate", "without a language model a clear refusal")
@virtual_time
async def test_without_a_language_model_there_is_no_interpreter() -> None:
    call = a_call(hearing=FakeListening(SAYS))
    outcome = await do(call, "live_translate", **start())
    assert not outcome.ok and "language model" in outcome.detail
    assert "live_translate" not in call.session.overhearing


@virtual_time
async def test_a_model_that_fails_leaves_the_call_as_it_is() -> None:
    web = FakeWeb()
    model = FakeModel(lambda prompt, text: "")
    call = a_call(web=web, models=model, hearing=FakeListening(SAYS))
    await do(call, "live_translate", **start())
    await asyncio.sleep(12)
    await call.close()
    assert [w.code for w in call.all(Warned)] == ["live_translate"] * 2
    assert len(web.told(URL)[-1]["params"]["transcript"]) == 2


@pytest.mark.swml("verb", "live_translate", "summarize")
@virtual_time
async def test_an_interpreted_call_can_be_summarised() -> None:
    model = FakeModel(lambda prompt, text: WORDS.get(text, "They said good morning."))
    call = a_call(models=model, hearing=FakeListening(SAYS))
    await do(call, "live_translate", **start())
    await asyncio.sleep(7)
    outcome = await do(call, "live_translate", action="summarize")
    assert outcome.data["summary"] == "They said good morning."
    await call.close()
