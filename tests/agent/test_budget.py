"""What an agent may spend on one call."""

import pytest

from sipagent.agent.failover import only
from sipagent.agent.prices import Prices
from sipagent.agent.protocols import Say, Used
from sipagent.call.services import TalkEnd
from sipagent.events import LimitReached
from sipagent.testing.fakes import Reply, ScriptedBrain, ScriptedEars
from sipagent.testing.talk import Others, a_talk
from sipagent.testing.virtual import run_virtual

DEAR = Prices(input_price=1000.0, output_price=1000.0)


@pytest.mark.parametrize(
    ("limits", "value"), [({"turns": 2}, 2), ({"tokens": 3000}, 4000), ({"cost": 3.5}, 4.0)]
)
def test_at_its_limit_the_agent_takes_its_leave_and_the_plan_goes_on(
    limits: dict[str, float], value: float
) -> None:
    async def run() -> None:
        reply: Reply = [Say("Yes."), Used("m", input=1900, output=100)]
        dear = ScriptedBrain(default=reply)
        broken = ScriptedBrain([float("inf")])
        async with a_talk(
            ears=ScriptedEars("a", "b", "c", "d"),
            brain=broken,
            others=Others(brain=only(dear, "dear", DEAR)),
            thinking_seconds=1,
            budget={**limits, "goodbye": "Time is up."},
            fallback="person",
        ) as talk:
            for _ in range(3):
                await talk.person.speak(500, then_quiet=3000)
            assert await talk.end() == TalkEnd("limit", "person")
            assert talk.said[-2:] == [("caller", "c"), ("agent", "Time is up.")]
            (reached,) = talk.call.all(LimitReached)
            assert reached.limit == next(iter(limits))
            assert reached.bound == limits[reached.limit]
            assert reached.value == pytest.approx(value)
            assert len(dear.saw) == 2

    run_virtual(run())
