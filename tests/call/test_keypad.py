"""Keys that were typed ahead."""

import asyncio

from sipagent.call.keypad import LIMIT, Keypad


async def test_keys_come_in_the_order_they_were_pressed() -> None:
    keypad = Keypad()
    waiting = asyncio.create_task(keypad.key())
    await asyncio.sleep(0)
    keypad.press("1")
    keypad.press("#")
    assert await waiting == "1"
    assert keypad.take() == "#"
    assert keypad.take() is None


async def test_a_full_keypad_forgets_the_oldest() -> None:
    keypad = Keypad()
    for number in range(LIMIT + 2):
        keypad.press(str(number))
    assert keypad.take() == "2"


async def test_what_was_typed_ahead_can_be_dropped() -> None:
    keypad = Keypad()
    keypad.press("1")
    keypad.clear()
    assert keypad.take() is None
