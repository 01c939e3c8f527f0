"""The small parts of a leg that need no network."""

import asyncio
import gc
from typing import Any

import pjsua2 as pj
import pytest

from sipagent.call.keypad import Key
from sipagent.call.leg import LegState
from sipagent.errors import LegFailed
from sipagent.legs.digits import LIMIT, DigitFan, Duplicates, Event, Events, keystrokes
from sipagent.legs.frame_access import FAST, SLOW, FrameAccess, choose
from sipagent.legs.headers import told
from sipagent.legs.native import bare_uri
from sipagent.legs.progress import Progress, reachable


async def test_a_leg_moves_only_as_the_table_allows() -> None:
    progress = Progress(LegState.INCOMING)
    moves: list[LegState] = []
    progress.on_change(lambda: moves.append(progress.state))
    assert progress.move(LegState.CONFIRMED, 200, "OK")
    assert not progress.move(LegState.EARLY, 180, "Ringing")
    assert progress.move(LegState.DISCONNECTED, 200, "OK")
    assert not progress.move(LegState.DISCONNECTED, 408, "late")
    assert moves == [LegState.CONFIRMED, LegState.DISCONNECTED]
    assert progress.status == 200


async def test_waiting_ends_with_the_status_once_the_state_is_out_of_reach() -> None:
    progress = Progress(LegState.CALLING)
    confirmed = asyncio.create_task(progress.wait(LegState.CONFIRMED))
    early = asyncio.create_task(progress.wait(LegState.EARLY, LegState.DISCONNECTED))
    await asyncio.sleep(0)
    progress.move(LegState.EARLY, 180, "Ringing")
    progress.move(LegState.DISCONNECTED, 486, "Busy Here")
    assert await early is LegState.EARLY
    with pytest.raises(LegFailed) as caught:
        await confirmed
    assert caught.value.status == 486
    with pytest.raises(LegFailed):
        await progress.wait(LegState.CONFIRMED)
    assert await progress.wait(LegState.DISCONNECTED) is LegState.DISCONNECTED


async def test_a_cancelled_wait_is_forgotten() -> None:
    progress = Progress(LegState.CALLING)
    waiting = asyncio.create_task(progress.wait(LegState.CONFIRMED))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert progress.move(LegState.CONFIRMED, 200, "OK")


def test_everything_can_still_happen_to_a_new_leg_and_nothing_to_an_ended_one() -> None:
    assert reachable(LegState.CALLING) == {
        LegState.EARLY,
        LegState.CONFIRMED,
        LegState.DISCONNECTED,
    }
    assert reachable(LegState.DISCONNECTED) == frozenset()


async def test_every_reader_gets_the_keys_since_it_was_opened() -> None:
    fan = DigitFan()
    first = fan.open()
    fan.press("1")
    second = fan.open()
    fan.press("2")
    fan.end()
    assert [key async for key in first] == ["1", "2"]
    assert [key async for key in second] == ["2"]
    assert [key async for key in fan.open()] == []


async def test_a_reader_that_never_reads_keeps_the_newest_keys_only() -> None:
    fan = DigitFan()
    reader = fan.open()
    for number in range(LIMIT + 5):
        fan.press(str(number % 10))
    fan.end()
    keys = [key async for key in reader]
    assert len(keys) == LIMIT
    assert keys[0] == "5"
    del reader
    gc.collect()
    assert not fan._readers


def test_digits_are_keys_and_pauses() -> None:
    assert keystrokes("1wW#d") == ["1", 0.5, 1.0, "#", "D"]
    assert keystrokes("") == []
    for wrong in ("1x", "E", "1 2", "٣"):
        with pytest.raises(LegFailed):
            keystrokes(wrong)


def test_headers_that_say_something_about_the_call_are_told() -> None:
    message = (
        "INVITE sip:a@b SIP/2.0\r\nVia: x\r\nFrom: <sip:c@d>\r\nX-One: 1\r\n"
        "Diversion: <sip:e@f>\r\n ;reason=no-answer\r\ndiversion: <sip:g@h>\r\n"
        "Authorization: Digest secret\r\nbroken line\r\nX-Empty:\r\n\r\nX-Body: no\r\n"
    )
    assert told(message) == {
        "From": "<sip:c@d>",
        "X-One": "1",
        "Diversion": "<sip:e@f> ;reason=no-answer, <sip:g@h>",
        "X-Empty": "",
    }
    assert told("") == {}


@pytest.mark.parametrize(
    ("address", "uri"),
    [
        ('"Alice" <sip:alice@example.com>;tag=1', "sip:alice@example.com"),
        ("sip:bob@example.com;tag=2", "sip:bob@example.com"),
        ("<sip:x@y;transport=tcp>", "sip:x@y;transport=tcp"),
    ],
)
def test_an_address_is_brought_to_its_uri(address: str, uri: str) -> None:
    assert bare_uri(address) == uri


@pytest.mark.parametrize("access", [FAST, SLOW])
def test_both_ways_into_a_frame_carry_the_same_pcm(access: FrameAccess) -> None:
    # the classes are C++; their only way in is the module of the seam
    frame = _frame()
    pcm = bytes(range(256)) + b"\xff" * 64
    access.write(frame, pcm)
    assert access.read(frame) == SLOW.read(frame) == pcm
    assert frame.size == len(pcm)
    access.write(frame, pcm[:10])
    assert FAST.read(frame) == SLOW.read(frame) == pcm[:10]


def test_the_fast_way_is_chosen_where_the_layout_holds() -> None:
    assert choose() is FAST


def _frame() -> Any:

    return pj.MediaFrame()


@pytest.mark.rfc("4733", "keys received, whatever is lost or repeated of an event")
def test_a_press_is_known_by_its_timestamp() -> None:
    events = Events()
    told = [
        (Event("1", 1000, 20), True),
        (Event("1", 1000, 100), False),
        (Event("1", 1300, 140), True),  # the stack takes it for the same, its beginning lost
        (Event("2", 1300, 20), True),
        # held for longer than one event can say (section 2.5.1.3): its next segment follows
        (Event("2", 1300, 8180), False),
        (Event("2", 1300 + 8191, 20), False),
        (Event("2", 1300 + 8191, 500), False),
        (Event("2", 20_000, 20), True),
    ]
    assert [events.is_press(event) for event, _ in told] == [press for _, press in told]


@pytest.mark.rfc("4733", "one press by several ways is one key")
def test_a_press_by_several_ways_is_new_once() -> None:
    duplicates = Duplicates()
    told = [
        (0.0, Key("1", "rfc4733"), True),
        (0.1, Key("1", "inband"), False),
        (0.2, Key("1", "rfc4733"), True),
        (0.3, Key("1", "info"), False),
        (0.4, Key("1", "info"), False),
        (0.4, Key("1", "inband"), False),
        (0.5, Key("1", "inband"), True),  # neither of both presses is left to be told again
        (0.6, Key("2", "info"), True),
        (2.0, Key("2", "rfc4733"), False),
        (4.0, Key("2", "rfc4733"), True),
    ]
    assert [duplicates.is_new(key, now) for now, key, _ in told] == [new for _, _, new in told]
