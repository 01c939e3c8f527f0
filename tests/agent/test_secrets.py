"""An agent that has a secret typed: it asks in its own voice, and learns nothing of it."""

from sipagent.agent.protocols import Say, ToolCall
from sipagent.events import BargeIn, DigitReceived, SecureEntry
from sipagent.testing.fakes import Line, ScriptedBrain, ScriptedEars
from sipagent.testing.leaks import tells
from sipagent.testing.talk import FakeTalk, a_talk
from sipagent.testing.virtual import virtual_time
from sipagent.tools.verbs import tool_of_verb
from sipagent.verbs import VERBS

CARD = "4111111111111111"
COLLECT = tool_of_verb(VERBS["collect_secure"])
ASKS = "Please type your card number on the keypad, then press the hash key."
ALLOWED = frozenset({"collect_secure"})


def collects(*before: Say | float, then: str = "Thank you.") -> ScriptedBrain:
    return ScriptedBrain(
        [*before, ToolCall("c1", "collect_secure", {"kind": "card_number"})], then, default="Yes?"
    )


def memory(talk: FakeTalk) -> str:
    return " ".join(f"{m.text} {m.digits}" for m in talk.conversation.messages)


@virtual_time
async def test_the_agent_asks_in_its_own_voice_and_reads_only_that_it_was_collected() -> None:
    brain = collects()
    ears = ScriptedEars("I want to pay", "thanks a lot")
    async with a_talk(ears=ears, brain=brain, tools=(COLLECT,), allowed=ALLOWED) as talk:
        await talk.until(500)
        await talk.person.speak(600, then_quiet=3000)
        assert talk.heard_words() == ASKS
        for key in CARD + "#":
            talk.person.press(key)
            await talk.until(talk.call.bridge.clock.t + 200)
        await talk.until(talk.call.bridge.clock.t + 2500)
        assert talk.said[-1] == ("agent", "Thank you.")
        assert [m.text for m in brain.saw[1]][-1] == "collected 16 digits"
        assert not tells("4111", memory(talk), *talk.call.events)
        # and it hears the caller again
        await talk.person.speak(600, then_quiet=2000)
        assert talk.said[-2:] == [("caller", "thanks a lot"), ("agent", "Yes?")]


@virtual_time
async def test_the_first_key_stops_the_asking_and_is_counted() -> None:
    async with a_talk(
        ears=ScriptedEars("pay"), brain=collects(), tools=(COLLECT,), allowed=ALLOWED
    ) as talk:
        await talk.until(500)
        await talk.person.speak(600, then_quiet=900)
        assert 0 < len(talk.heard_words().split()) < len(ASKS.split())
        heard = len(talk.heard_words().split())
        talk.person.press(CARD + "#")
        await talk.until(4000)
        assert heard <= len(talk.heard_words().split()) - 2 <= heard + 2  # and "Thank you."
        assert talk.call.all(SecureEntry)[-1].result == "collected"
        assert all(e.hidden for e in talk.call.all(DigitReceived))


@virtual_time
async def test_one_who_talks_while_it_begins_does_not_keep_the_agent_silent() -> None:
    brain = collects(Say("One moment."), 0.3)
    ears = ScriptedEars("pay", Line("hang on a second"))
    async with a_talk(ears=ears, brain=brain, tools=(COLLECT,), allowed=ALLOWED) as talk:
        await talk.until(500)
        await talk.person.speak(600, then_quiet=550)
        # over "One moment.", and on into the private stretch
        await talk.person.speak(2000, then_quiet=6000)
        assert [e.decision for e in talk.call.all(BargeIn)][:2] == ["paused", "resumed"]
        assert "Please do not say it." in talk.heard_words()
        talk.person.press(CARD + "#")
        await talk.until(14_000)
        assert not talk.call.session.room.shielded(talk.call.caller)
        assert talk.said[-1] == ("agent", "Thank you.")


@virtual_time
async def test_one_who_says_the_number_is_not_heard_by_the_mind() -> None:
    brain = collects()
    ears = ScriptedEars("I want to pay", "four one one one")
    async with a_talk(ears=ears, brain=brain, tools=(COLLECT,), allowed=ALLOWED) as talk:
        await talk.until(500)
        await talk.person.speak(600, then_quiet=3000)
        await talk.person.speak(2000, then_quiet=3000)
        assert "do not say it." in talk.heard_words()
        talk.person.press(CARD + "#")
        await talk.until(talk.call.bridge.clock.t + 3000)
        assert "four" not in memory(talk)
        assert len(ears.heard) == 1
