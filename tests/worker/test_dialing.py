"""Which trunk a call leaves by, and which one next."""

import asyncio
from typing import Any

import pytest

from sipagent.call.dial import Dial
from sipagent.call.leg import LegState
from sipagent.config import Trunk
from sipagent.errors import LegFailed
from sipagent.media.clock import MediaClock
from sipagent.testing.fakes import FakeDialer, Script
from sipagent.worker.dialing import TRUNK_HEADER, TrunkDialer

NUMBER = "+442079460018"
ANSWERS = Script(rings=0.0, answers=0.01)


def refuses(status: int, *, rings: float | None = None) -> Script:
    return Script(rings=rings, answers=0.01, status=status)


class House:
    """Trunks a, b ... whose far ends follow scripts, and the dialer over them."""

    def __init__(self, *scripts: Script, patience: float = 5.0, **keys: Any) -> None:
        names = "abc"[: len(scripts)]
        self.trunks = {n: Trunk.model_validate({"host": f"{n}.example", **keys}) for n in names}
        by_uri = {
            f"sip:{NUMBER}@{name}.example": script
            for name, script in zip(names, scripts, strict=True)
        }
        self.inner = FakeDialer(MediaClock(), by_uri)
        self.dialer = TrunkDialer(
            self.inner, self.trunks, {"Diversion": "<sip:1@a>"}, patience=patience
        )

    @property
    def hosts(self) -> list[str]:
        return [dial.target.partition("@")[2] for dial in self.inner.dialled]


async def test_a_sip_uri_needs_no_trunk_and_may_not_name_one() -> None:
    house = House(ANSWERS)
    headers = {"x-sipagent-trunk": "a", "X-A": "1"}
    await house.dialer.dial(Dial("sip:bob@pbx.example", headers=headers))
    (sent,) = house.inner.dialled
    assert (sent.target, sent.headers) == ("sip:bob@pbx.example", {"X-A": "1"})


async def test_a_number_leaves_by_its_trunk_with_the_trunks_rules() -> None:
    house = House(
        ANSWERS, username="7000", password="pw", auth_username="auth", pass_headers=["Diversion"]
    )
    await house.dialer.dial(Dial(NUMBER, headers={"X-A": "1"}))
    (sent,) = house.inner.dialled
    assert sent.headers == {"Diversion": "<sip:1@a>", "X-A": "1", TRUNK_HEADER: "a"}
    assert sent.credentials == ("auth", "pw")


async def test_a_number_no_trunk_takes_is_404() -> None:
    with pytest.raises(LegFailed, match="404 no trunk takes"):
        await House(ANSWERS, prefixes=["+39"]).dialer.dial(Dial(NUMBER))


async def test_the_longest_prefix_wins_whichever_way_the_number_is_written() -> None:
    house = House(ANSWERS, ANSWERS, numbers={"country": "44"})
    house.trunks["a"] = house.trunks["a"].model_copy(update={"prefixes": ("+44",)})
    house.trunks["b"] = house.trunks["b"].model_copy(update={"prefixes": ("+4420",)})
    dialer = TrunkDialer(house.inner, house.trunks)
    leg = await dialer.dial(Dial("020 7946 0018"))
    assert house.inner.dialled[0].target == f"sip:{NUMBER}@b.example"
    assert leg.state is LegState.EARLY


@pytest.mark.parametrize("status", [401, 407, 408, 500, 502, 503, 504])
async def test_a_trunk_that_cannot_gives_way_to_the_next(status: int) -> None:
    house = House(refuses(status), ANSWERS)
    leg = await house.dialer.dial(Dial(NUMBER))
    assert house.hosts == ["a.example", "b.example"]
    await leg.wait(LegState.CONFIRMED)


@pytest.mark.parametrize("status", [403, 404, 480, 484, 486, 603])
async def test_a_callee_who_does_not_want_to_is_not_called_twice(status: int) -> None:
    house = House(refuses(status), ANSWERS)
    leg = await house.dialer.dial(Dial(NUMBER))
    assert house.hosts == ["a.example"]
    with pytest.raises(LegFailed) as failed:
        await leg.wait(LegState.CONFIRMED)
    assert failed.value.status == status


async def test_once_it_rings_the_call_is_that_trunks() -> None:
    house = House(refuses(503, rings=0.0), ANSWERS)
    leg = await house.dialer.dial(Dial(NUMBER))
    with pytest.raises(LegFailed):
        await leg.wait(LegState.CONFIRMED)
    assert house.hosts == ["a.example"]


async def test_a_trunk_that_takes_its_time_is_waited_for() -> None:
    house = House(Script(rings=None, answers=None), ANSWERS, patience=0.05)
    leg = await house.dialer.dial(Dial(NUMBER))
    assert (leg.state, house.hosts) == (LegState.CALLING, ["a.example"])


async def test_the_last_trunks_failure_is_the_calls() -> None:
    house = House(refuses(503), refuses(502))
    leg = await house.dialer.dial(Dial(NUMBER))
    with pytest.raises(LegFailed) as failed:
        await leg.wait(LegState.CONFIRMED)
    assert failed.value.status == 502


async def test_a_caller_who_leaves_meanwhile_leaves_no_leg() -> None:
    house = House(Script(rings=None, answers=None), ANSWERS)
    dialling = asyncio.create_task(house.dialer.dial(Dial(NUMBER)))
    while not house.inner.legs:
        await asyncio.sleep(0)
    dialling.cancel()
    await asyncio.gather(dialling, return_exceptions=True)
    assert [leg.state for leg in house.inner.legs] == [LegState.DISCONNECTED]
    assert house.hosts == ["a.example"]
