"""Every server of a call is killed in the middle of it, and the call goes on with others."""

from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from sipagent.call.cdr import fold
from sipagent.events import ModelUsed, ProviderFailed, Said
from sipagent.testing.dialects.anthropic import Anthropic
from sipagent.testing.model_server import ModelServer
from sipagent.testing.modelled import Talk, last
from sipagent.testing.phone import Phone
from sipagent.testing.server import running
from sipagent.testing.vendors.speech_server import speech_server
from sipagent.testing.voice import speak

pytestmark = pytest.mark.slow

PLAN = """
routes: [{to: "100"}]
agents:
  desk:
    greeting: "Rossi and Sons, good morning."
    prompt: "You are the receptionist."
    apology: "Sorry about that."
    brain: [{provider: claude}, {provider: spare-mind}]
    ears: [{provider: speech, model: w}, {provider: spare-speech, model: w}]
    voice: [{provider: speech, model: t, voice: a}, {provider: spare-speech, model: t, voice: a}]
sections:
  main: [answer, {ai: {agent: desk}}, hangup]
"""


async def test_when_ears_mind_and_mouth_are_killed_in_a_call_the_caller_hears_no_apology(
    tmp_path: Path,
) -> None:
    async with (
        AsyncExitStack() as doomed,
        ModelServer(["Yes, until noon."]) as spare_mind,
        speech_server("and on saturdays", hertz=600.0) as spare_speech,
        Phone(user="alice") as phone,
    ):
        claude = await doomed.enter_async_context(
            ModelServer(["Nine to five."], dialect=Anthropic(), api_key="right")
        )
        speech = await doomed.enter_async_context(speech_server("when are you open", hertz=400.0))
        providers = {
            "claude": {
                "kind": "anthropic",
                "model": "claude",
                "base_url": claude.base_url,
                "api_key": "right",
                "input_price": 3.0,
                "output_price": 15.0,
            },
            "spare-mind": {"kind": "openai", "model": "small", "base_url": spare_mind.base_url},
            "speech": {"kind": "openai", "base_url": speech.base_url},
            "spare-speech": {"kind": "openai", "base_url": spare_speech.base_url},
        }
        async with running(tmp_path, PLAN, providers=providers) as server:
            call = await phone.dial(server.uri("100"))
            await call.wait_answered()
            talk = Talk(server, spare_mind, call)
            await talk.told("good morning")
            await call.play(speak("when are you open"))
            await talk.told("Nine to five.")

            await doomed.aclose()

            await call.play(speak("and on saturdays"))
            await talk.told("Yes, until noon.")
            assert last(spare_mind.chats[0]) == "and on saturdays"
            await call.hangup()
            await server.ended()

        # the new mind knows what was said before
        read = [(m["role"], m["content"]) for m in spare_mind.chats[0].messages[1:]]
        assert read == [
            ("assistant", "Rossi and Sons, good morning."),
            ("user", "when are you open"),
            ("assistant", "Nine to five."),
            ("user", "and on saturdays"),
        ]
        assert [body["input"] for body in spare_speech.spoken] == ["Yes, until noon."]
        failed = talk.all(ProviderFailed)
        assert {(e.role, e.provider, e.next) for e in failed if e.then == "next"} == {
            ("ears", "speech", "spare-speech"),
            ("mind", "claude", "spare-mind"),
            ("mouth", "speech", "spare-speech"),
        }
        assert {e.then for e in failed} <= {"retry", "next"}
        assert all("cannot" in e.cause or "broke" in e.cause for e in failed)
        assert "Sorry about that." not in {e.text for e in talk.all(Said)}
        assert [(e.provider, e.model) for e in talk.all(ModelUsed)] == [
            ("claude", "claude"),
            ("spare-mind", "small"),
        ]
        cdr = fold(server.events)
        assert {(share.role, share.provider) for share in cdr.usage} == {
            ("mind", "claude"),
            ("mind", "spare-mind"),
            ("ears", "speech"),
            ("ears", "spare-speech"),
            ("mouth", "speech"),
            ("mouth", "spare-speech"),
        }
        assert cdr.cost == pytest.approx((10 * 3 + 3 * 15) / 1e6)
