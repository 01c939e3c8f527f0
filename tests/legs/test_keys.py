"""Keys with a phone on the other side: events with losses, INFO, tones, and each only once."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from sipagent.call.dial import Dial
from sipagent.call.leg import LegState
from sipagent.errors import LegFailed
from sipagent.media.keytones import KeyTones
from sipagent.testing.actor import Actor, Launch
from sipagent.testing.call import PhoneCall
from sipagent.testing.phone import Phone
from sipagent.testing.rtp import LOST, event, events
from sipagent.testing.signals import key_tones

if TYPE_CHECKING:
    from sipagent.testing.stage import Stage

WHOLE = pytest.mark.rfc("4733", "keys received, whatever is lost or repeated of an event")


def tones_in(call: PhoneCall) -> str:
    tones = KeyTones(8000)
    return "".join(tones.feed(p.pcm) for p in call.received if p.codec)


async def _reads(stage: "Stage") -> Any:
    leg = await stage.incoming()
    keys = leg.digits()
    await leg.answer()
    await leg.wait(LegState.DISCONNECTED)
    return [[str(key), key.way] async for key in keys]


@asynccontextmanager
async def called(actor: Actor, **phone: Any) -> AsyncIterator[PhoneCall]:
    async with Phone(**phone) as caller:
        call = await caller.dial(actor.uri)
        await call.wait_answered()
        yield call
        await call.hangup()


async def send(call: PhoneCall, *presses: Iterator[bytes] | list[bytes]) -> None:
    await call.stream.played(call.stream.sender.send_events(*presses))
    await asyncio.sleep(0.2)  # the stack tells of keys 20 times a second


@WHOLE
async def test_every_press_is_one_key_whatever_is_lost_of_it(launch: Launch) -> None:
    worker = await launch(_reads)
    async with called(worker) as call:
        await send(
            call,
            events("1", 100),
            events("1", 100),
            list(events("2"))[:4],  # no end at all
            list(events("2"))[:4],
            list(events("3"))[-1:],  # nothing but one end
            [LOST, LOST, LOST, *list(events("4", 200))[3:]],
            [LOST, LOST, LOST, *list(events("4", 300))[3:]],  # longer, its beginning lost, too
            [next(events("5")), LOST, LOST, LOST, *list(events("5"))[4:]],
            [*events("6"), *list(events("6"))[-1:] * 5],  # ends sent eight times
            events("*", 3000),
        )
    assert "".join(key for key, _ in await worker.result()) == "112234456*"


@WHOLE
async def test_the_payload_type_is_the_one_that_was_agreed(launch: Launch) -> None:
    worker = await launch(_reads)
    async with called(worker, events=(96, 8000)) as call:
        assert call.media.remote is not None and call.media.remote.event_pt == 96
        await send(call, events("9"))
    assert await worker.result() == [["9", "rfc4733"]]


@pytest.mark.rfc("4733", "events of a clock no codec has are not agreed to; tones are heard")
async def test_events_of_another_clock_are_not_agreed_to_and_tones_are_heard(
    launch: Launch,
) -> None:
    worker = await launch(_reads)
    async with called(worker, events=(96, 16_000)) as call:
        assert call.media.remote is not None and call.media.remote.event_pt is None
        await call.play(bytes(3200) + key_tones("12") + bytes(3200))
    assert await worker.result() == [["1", "inband"], ["2", "inband"]]


@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
@pytest.mark.parametrize("rate", [8000, 16_000])
async def test_tones_are_heard_where_no_events_were_agreed(
    launch: Launch, codec: str, rate: int
) -> None:
    worker = await launch(_reads, settings={"media": {"clock_rate": rate}})
    async with called(worker, events=None, codecs=(codec,)) as call:
        await call.play(bytes(3200) + key_tones("159D*0#A") + bytes(3200))
    heard = await worker.result()
    assert "".join(key for key, _ in heard) == "159D*0#A"
    assert {way for _, way in heard} == {"inband"}


async def test_tones_are_left_alone_where_events_were_agreed(launch: Launch) -> None:
    worker = await launch(_reads)
    async with called(worker) as call:
        await call.play(bytes(3200) + key_tones("159") + bytes(3200))
        await call.press("2")
        await asyncio.sleep(0.2)
    assert await worker.result() == [["2", "rfc4733"]]


@pytest.mark.rfc("4733", "one press by several ways is one key")
async def test_a_press_that_comes_by_three_ways_is_one_key(launch: Launch) -> None:
    worker = await launch(_reads, settings={"media": {"dtmf": "inband"}})
    async with called(worker) as call:
        for key in "33":
            await call.play(key_tones(key))
            await call.press(key)
            await call.press(key, info=True)
        await asyncio.sleep(0.2)
    assert [key for key, _ in await worker.result()] == ["3", "3"]


async def _presses(stage: "Stage", target: str, digits: str) -> Any:
    leg = await stage.dialer.dial(Dial(target))
    await leg.wait(LegState.CONFIRMED)
    if leg.keys.mode == "auto" and digits.startswith("!"):
        digits = digits[1:]
        keys = leg.digits()
        await stage.tell("ready")
        await anext(keys)  # the far end shows how it does it
    try:
        await leg.send_digits(digits)
    except LegFailed as error:
        await leg.hangup()
        return [error.status, error.reason]
    await asyncio.sleep(0.3)
    await leg.hangup()
    return None


@pytest.mark.rfc("4733", "keys sent as telephone-events")
async def test_keys_are_sent_as_events_where_they_were_agreed(launch: Launch) -> None:
    async with Phone() as phone:
        worker = await launch(_presses, phone.uri, "12w#D")
        call = await phone.wait_call()
        assert await call.wait_for_digits(4, 10) == "12#D"
        assert await worker.result() is None
        packets = [p for p in call.received if p.payload_type == call.stream.sender.event_pt]
        told = [event(p.payload) for p in packets]
        lasts = [e for e in told if e is not None and e.end]
        # 120 ms each; the end comes three times, were one to be lost
        assert {e.key: e.duration for e in lasts} == dict.fromkeys("12#D", 960)
        assert len(lasts) == 12


async def test_keys_are_tones_for_a_far_end_without_events(launch: Launch) -> None:
    async with Phone(events=None) as phone:
        worker = await launch(_presses, phone.uri, "4711*")
        call = await phone.wait_call()
        await call.wait_ended()
        assert await worker.result() is None
        assert all(p.payload_type in (0, 8) for p in call.received)
        assert tones_in(call) == "4711*"


@pytest.mark.rfc("6086", "keys as INFO, application/dtmf-relay and application/dtmf, sent")
@pytest.mark.parametrize(
    ("mode", "kind", "body"),
    [
        ("info", "application/dtmf-relay", b"Signal=#\r\nDuration=120\r\n"),
        ("info-dtmf", "application/dtmf", b"#"),
    ],
)
async def test_keys_are_sent_as_info_where_that_is_set(
    launch: Launch, mode: str, kind: str, body: bytes
) -> None:
    async with Phone() as phone:
        worker = await launch(_presses, phone.uri, "1#", settings={"media": {"dtmf": mode}})
        call = await phone.wait_call()
        assert await call.wait_for_digits(2, 10) == "1#"
        assert await worker.result() is None
    assert call.keys.infos[-1] == (kind, body)


async def test_a_far_end_that_presses_by_info_is_answered_so(launch: Launch) -> None:
    async with Phone(events=None) as phone:
        worker = await launch(_presses, phone.uri, "!42")
        call = await phone.wait_call()
        assert await worker.hear() == "ready"
        await call.press("5", info=True)
        assert await call.wait_for_digits(2, 10) == "42"
        assert await worker.result() is None


async def test_events_that_were_not_agreed_to_cannot_be_forced(launch: Launch) -> None:
    async with Phone(events=None) as phone:
        settings = {"media": {"dtmf": "rfc4733"}}
        worker = await launch(_presses, phone.uri, "1", settings=settings)
        assert await worker.result() == [488, "the far end agreed to no telephone-events"]
