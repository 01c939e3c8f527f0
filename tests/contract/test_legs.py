"""One contract, two legs: the fake one does what the one on pjsua2 does."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from sipagent.call.dial import Dial
from sipagent.call.leg import Leg, LegState, ReferOutcome
from sipagent.errors import LegFailed
from sipagent.media.bridge import Bridge
from sipagent.testing.actor import launching
from sipagent.testing.audio import rms
from sipagent.testing.bridge import SimulatedBridge
from sipagent.testing.call import PhoneCall
from sipagent.testing.fakes import BUSY, NO_ANSWER, FakeDialer, FakeLeg, tone
from sipagent.testing.phone import Phone, answer_after, refuse_with, ring_for_ever
from sipagent.testing.virtual import run_virtual

if TYPE_CHECKING:
    from sipagent.testing.stage import Stage

RATE = 8000


class Person(Protocol):
    """Who is at the far end of a leg."""

    async def hang_up(self) -> None: ...
    async def press(self, keys: str) -> None: ...
    async def talk(self, ms: int) -> None: ...
    async def pressed(self, count: int) -> str: ...
    def loudness(self) -> float: ...


class World(Protocol):
    """Where legs come from. `behaviour`: "answers", "busy" or "rings"."""

    bridge: Bridge

    async def is_called(self) -> tuple[Leg, Person]: ...
    async def dials(self, behaviour: str) -> Leg: ...
    def next_referral(self, behaviour: str) -> str: ...


class FakePerson:
    def __init__(self, leg: FakeLeg) -> None:
        self._leg = leg

    async def hang_up(self) -> None:
        self._leg.move(LegState.DISCONNECTED, 200 if self._leg.state is LegState.CONFIRMED else 487)

    async def press(self, keys: str) -> None:
        self._leg.far.press(keys)

    async def talk(self, ms: int) -> None:
        await self._leg.far.speak(ms)

    async def pressed(self, count: int) -> str:
        return "".join(self._leg.sent_digits)[:count]

    def loudness(self) -> float:
        return rms(self._leg.far.heard_pcm())


class FakeWorld:
    def __init__(self) -> None:
        self._bridge = SimulatedBridge(RATE)
        self._bridge.start()
        self.bridge: Bridge = self._bridge
        self._dialer = FakeDialer(
            self.bridge.clock, {"sip:busy@x": BUSY, "sip:rings@x": NO_ANSWER}, rate=RATE
        )
        self._called: list[FakeLeg] = []

    async def is_called(self) -> tuple[Leg, Person]:
        leg = FakeLeg(self.bridge.clock, rate=RATE)
        self._called.append(leg)
        return leg, FakePerson(leg)

    async def dials(self, behaviour: str) -> Leg:
        return await self._dialer.dial(Dial(f"sip:{behaviour}@x"))

    def next_referral(self, behaviour: str) -> str:
        outcome = ReferOutcome(486, "Busy Here") if behaviour == "busy" else ReferOutcome(200, "OK")
        self._called[-1].refer_outcome = outcome
        self._called[-1].refer_takes = 60.0 if behaviour == "rings" else 0.1
        return f"sip:{behaviour}@x"


class PhonePerson:
    def __init__(self, call: PhoneCall) -> None:
        self._call = call

    async def hang_up(self) -> None:
        await self._call.hangup()

    async def press(self, keys: str) -> None:
        await self._call.press(keys)

    async def talk(self, ms: int) -> None:
        await self._call.play(tone(ms))

    async def pressed(self, count: int) -> str:
        return await self._call.wait_for_digits(count, 10.0)

    def loudness(self) -> float:
        return self._call.rms_since(0.0)


class SipWorld:
    def __init__(self, stage: "Stage", phone: Phone, other: Phone) -> None:
        self.bridge: Bridge = stage.bridge
        self._stage = stage
        self._phone = phone
        self._other = other

    async def is_called(self) -> tuple[Leg, Person]:
        host, port = self._stage.endpoint.address
        call = await self._phone.dial(f"sip:agent@{host}:{port}")
        return await self._stage.incoming(), PhonePerson(call)

    async def dials(self, behaviour: str) -> Leg:
        return await self._stage.dialer.dial(Dial(self.next_referral(behaviour)))

    def next_referral(self, behaviour: str) -> str:
        manners = {"busy": refuse_with(486), "rings": ring_for_ever}
        self._other.on_call = manners.get(behaviour, answer_after(0.1))
        return self._other.uri


Contract = Callable[[World], Awaitable[Any]]
Observe = Callable[[Contract], Any]


async def _faked(contract: Contract) -> Any:
    return await contract(FakeWorld())


async def _real(contract: Contract) -> Any:
    async with launching() as launch:
        return await (await launch(_staged, contract.__name__)).result()


async def _staged(stage: "Stage", name: str) -> Any:
    contract: Contract = globals()[name]
    async with Phone(user="person") as phone, Phone(user="other") as other:
        result = await contract(SipWorld(stage, phone, other))
        await asyncio.gather(*(leg.hangup() for leg in tuple(stage.endpoint.legs)))
        return result


@pytest.fixture(params=["fake", "sip"])
def observe(request: pytest.FixtureRequest) -> Observe:
    """What a contract saw of one of the legs."""
    if request.param == "fake":
        return lambda contract: run_virtual(_faked(contract))
    return lambda contract: asyncio.run(_real(contract))


def states(leg: Leg) -> list[str]:
    """Every state the listeners are told of, once each."""
    seen: list[str] = []

    def changed(leg: Leg) -> None:
        if seen[-1:] != [str(leg.state)]:
            seen.append(str(leg.state))

    leg.on_change(changed)
    return seen


async def failure(work: Awaitable[Any]) -> int:
    """The status of the LegFailed that `work` raises."""
    try:
        await work
    except LegFailed as error:
        return error.status
    return 0


async def _is_answered(world: World) -> Any:
    leg, person = await world.is_called()
    seen, first = states(leg), str(leg.state)
    await leg.answer(180)
    await leg.answer()
    await leg.answer()
    confirmed = leg.status
    too_late = asyncio.create_task(failure(leg.wait(LegState.EARLY)))
    ending = asyncio.create_task(leg.wait(LegState.DISCONNECTED))
    await person.hang_up()
    await ending
    await leg.hangup()
    return {
        "seen": [first, *seen],
        "statuses": [confirmed, leg.status],
        "wait": await too_late,
        "after": await failure(leg.wait(LegState.CONFIRMED)),
        "info": [bool(leg.info.id), leg.info.remote.startswith("sip:"), bool(leg.info.sip_call_id)],
    }


def test_an_incoming_leg_is_answered_and_its_end_is_known(observe: Observe) -> None:
    assert observe(_is_answered) == {
        "seen": ["incoming", "early", "confirmed", "disconnected"],
        "statuses": [200, 200],
        "wait": 200,
        "after": 200,
        "info": [True, True, True],
    }


async def _is_refused(world: World) -> Any:
    leg, _ = await world.is_called()
    seen = states(leg)
    await leg.hangup(486)
    return [seen, leg.status, await failure(leg.answer()) >= 400]


def test_an_incoming_leg_is_refused_with_our_status(observe: Observe) -> None:
    assert observe(_is_refused) == [["disconnected"], 486, True]


async def _gives_up(world: World) -> Any:
    leg, person = await world.is_called()
    await leg.answer(180)
    waiting = asyncio.create_task(failure(leg.wait(LegState.CONFIRMED)))
    await person.hang_up()
    return [await waiting, str(leg.state), leg.status]


def test_a_caller_who_gives_up_fails_the_wait_for_the_answer(observe: Observe) -> None:
    assert observe(_gives_up) == [487, "disconnected", 487]


async def _dials(world: World) -> Any:
    answers = await world.dials("answers")
    first, seen = str(answers.state), states(answers)
    await answers.wait(LegState.CONFIRMED)
    await answers.hangup()
    busy = await world.dials("busy")
    refused = await failure(busy.wait(LegState.CONFIRMED))
    rings = await world.dials("rings")
    await rings.wait(LegState.EARLY)
    await rings.hangup()
    return [[first, *seen], answers.status, refused, busy.status, rings.status]


def test_an_outgoing_leg_tells_how_it_went(observe: Observe) -> None:
    told = [["calling", "early", "confirmed", "disconnected"], 200, 486, 486, 487]
    assert observe(_dials) == told


async def _early_media(world: World) -> Any:
    leg, person = await world.is_called()
    port = world.bridge.open_port("early")
    world.bridge.connect(port, leg)
    await port.play(tone(600))
    before = port.played
    await leg.answer(183)
    await port.mark().reached()
    await asyncio.sleep(0.2)
    return [before, str(leg.state), person.loudness() > 500]


def test_early_media_is_heard_and_nothing_before_it(observe: Observe) -> None:
    assert observe(_early_media) == [0, "early", True]


async def _keys(world: World) -> Any:
    leg, person = await world.is_called()
    first = leg.digits()
    await leg.answer()
    await person.press("1#")
    heard = [await anext(first), await anext(first)]
    second = leg.digits()
    await person.press("2")
    both = [await anext(first), await anext(second)]
    await leg.send_digits("4w5")
    sent = (await person.pressed(2)).replace("w", "")
    wrong = await failure(leg.send_digits("1x"))
    await leg.hangup()
    rest = [key async for key in first] + [key async for key in leg.digits()]
    return [heard, both, sent[:1], wrong, rest, await failure(leg.send_digits("1")) >= 400]


def test_every_reader_gets_the_keys_pressed_from_then_on(observe: Observe) -> None:
    assert observe(_keys) == [["1", "#"], ["2", "2"], "4", 400, [], True]


async def _hold(world: World) -> Any:
    leg, _ = await world.is_called()
    told: list[bool] = []
    leg.on_change(lambda leg: told.append(leg.on_hold) if leg.state == "confirmed" else None)
    early = asyncio.create_task(leg.hold())
    await asyncio.sleep(0.05)
    waits = not early.done()
    await leg.answer()
    await early
    await leg.hold()
    held = leg.on_hold
    await leg.resume()
    await leg.resume()
    resumed = leg.on_hold
    await leg.hangup()
    return [waits, held, resumed, told[1:], await failure(leg.hold())]


def test_hold_waits_for_the_answer_and_is_told_once(observe: Observe) -> None:
    assert observe(_hold) == [True, True, False, [True, False], 200]


async def _held_audio(world: World) -> Any:
    leg, person = await world.is_called()
    port = world.bridge.open_port("ear")
    world.bridge.connect(leg, port)
    await leg.answer()
    await leg.hold()
    held = [frame async for frame in _some(port, 25)]
    await leg.resume()
    talking = asyncio.create_task(person.talk(600))
    resumed = [frame async for frame in _some(port, 40)]
    await talking
    return [rms(b"".join(held)) < 20, rms(b"".join(resumed)) > 500]


async def _some(port: Any, count: int) -> Any:
    async for frame in port.frames():
        yield frame.pcm
        count -= 1
        if not count:
            return


def test_a_held_leg_is_silent_and_a_resumed_one_is_heard_again(observe: Observe) -> None:
    assert observe(_held_audio) == [True, True]


async def _refers(world: World) -> Any:
    outcomes = []
    for behaviour in ("answers", "busy"):
        leg, _ = await world.is_called()
        await leg.answer()
        outcome = await leg.refer(world.next_referral(behaviour), timeout=10.0)
        outcomes.append([outcome.status, outcome.ok])
        await leg.hangup()
    leg, _ = await world.is_called()
    await leg.answer()
    target = world.next_referral("rings")
    pending = asyncio.create_task(leg.refer(target, timeout=3.0))
    await asyncio.sleep(0.1)
    second = await failure(leg.refer(target))
    outcomes.append([(await pending).status, second])
    return outcomes


def test_a_referral_tells_what_became_of_it(observe: Observe) -> None:
    assert observe(_refers) == [[200, True], [486, False], [408, 491]]
