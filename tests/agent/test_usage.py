"""What a talk has used of its providers, counted and priced."""

import pytest

from sipagent.agent.failover import only
from sipagent.agent.prices import Prices
from sipagent.agent.protocols import Say, Used
from sipagent.call.cdr import fold
from sipagent.errors import ProviderError
from sipagent.events import ModelUsed, SpeechUsed
from sipagent.testing.fakes import Line, Reply, ScriptedBrain, ScriptedEars
from sipagent.testing.talk import Others, a_talk
from sipagent.testing.virtual import virtual_time

BROKEN = ProviderError("vendor", "no such key", retryable=False)
PRICES = Prices(input_price=2.0, cached_price=0.5, output_price=8.0)


def used(cached: int = 0) -> Used:
    return Used("big", input=1000, output=100, cached=cached)


@pytest.mark.parametrize(
    ("prices", "reply", "cost"),
    [
        (PRICES, Used("m", 1_000_000, 0), 2.0),
        (PRICES, Used("m", 1_000_000, 500_000, cached=400_000), 1.2 + 0.2 + 4.0),
        (Prices(input_price=2.0), Used("m", 1_000_000, 500_000, cached=400_000), 2.0),
        (
            Prices(input_price=1.0, output_price=2.0, audio_input_price=40.0),
            Used("m", 1_000_000, 1_000_000, audio_input=100_000, audio_output=900_000),
            0.9 + 4.0 + 2.0,
        ),
        (Prices(), Used("m", 1000, 1000), None),
    ],
)
def test_a_reply_costs_what_its_tokens_do(prices: Prices, reply: Used, cost: float | None) -> None:
    assert prices.of_reply(reply) == (None if cost is None else pytest.approx(cost))


@virtual_time
async def test_every_reply_is_on_record_with_its_tokens_and_its_price() -> None:
    brain = ScriptedBrain([BROKEN])
    spare = ScriptedBrain([Say("Nine to five."), used(600)], [Say("Bye."), used()])
    others = Others(brain=only(spare, "spare", PRICES))
    async with a_talk(ears=ScriptedEars("a", "b"), brain=brain, others=others) as talk:
        await talk.person.speak(500, then_quiet=3000)
        await talk.person.speak(500, then_quiet=3000)
        first, second = talk.call.all(ModelUsed)
        assert (first.provider, first.model) == ("spare", "big")
        assert (first.input, first.cached, first.output) == (1000, 600, 100)
        assert first.cost == pytest.approx((400 * 2 + 600 * 0.5 + 100 * 8) / 1e6)
        assert second.cost == pytest.approx((1000 * 2 + 100 * 8) / 1e6)
        assert talk.call.session.spending.tokens == 2200


@virtual_time
async def test_a_reply_that_was_cut_off_is_estimated() -> None:
    words = "one two three four five six seven eight nine ten"
    reply: Reply = [Used("m", input=50, estimated=True), Say(words), 30.0]
    async with a_talk(ears=ScriptedEars("a", "b"), brain=ScriptedBrain(reply)) as talk:
        await talk.person.speak(500, then_quiet=1200)
        await talk.person.speak(900, then_quiet=3000)
        first = talk.call.all(ModelUsed)[0]
        assert first.estimated
        assert (first.input, first.output) == (50, len(words) // 4)


@virtual_time
async def test_speech_is_summed_by_provider_when_the_talk_ends() -> None:
    ears = ScriptedEars(Line("", fault=BROKEN))
    others = Others(ears=only(ScriptedEars("a", "b"), "spare", Prices(minute_price=0.6)))
    async with a_talk(ears=ears, others=others, greeting="Good morning.") as talk:
        await talk.until(1000)
        await talk.person.speak(500, then_quiet=3000)
        await talk.person.speak(500, then_quiet=3000)
        assert talk.call.all(SpeechUsed) == []
        talk.port.close()
        await talk.end()
    shares = {(e.role, e.provider): e for e in talk.call.all(SpeechUsed)}
    heard = shares["ears", "spare"].seconds
    assert shares["ears", "grammar"].seconds == pytest.approx(heard / 2)
    assert 1.0 < heard < 3.0
    assert shares["ears", "spare"].cost == pytest.approx(heard / 100)
    assert shares["ears", "grammar"].cost is None
    assert shares["mouth", "espeak"].characters == len("Good morning.Yes.Yes.")
    assert fold(talk.call.events).cost == shares["ears", "spare"].cost
