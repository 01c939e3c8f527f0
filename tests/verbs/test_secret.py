"""collect_secure: what is typed is checked and kept, and everybody else has silence."""

import asyncio
import wave
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import SecretStr

from sipagent.call.control import CallControl
from sipagent.call.entries import ENTRIES, luhn
from sipagent.call.policy import Policy
from sipagent.call.privacy import Privacy
from sipagent.call.verb import Outcome
from sipagent.errors import ProviderError
from sipagent.events import DigitReceived, SecureEntry, Warned
from sipagent.media.keytones import KeyTones
from sipagent.testing.fakes import FakeCall, a_call
from sipagent.testing.leaks import tells
from sipagent.testing.signals import key_tones
from sipagent.testing.taps import FakeTapWires
from sipagent.testing.virtual import virtual_time
from sipagent.tools import tool
from sipagent.tools.functions import tool_of
from sipagent.tools.verbs import tool_of_verb
from sipagent.verbs import VERBS

CARD = "4111111111111111"


def later(seconds: float, action: Any, *arguments: Any) -> None:
    asyncio.get_running_loop().call_later(seconds, action, *arguments)


async def collect(call: FakeCall, kind: str = "card_number", **arguments: Any) -> Outcome:
    verb = VERBS["collect_secure"].model_validate({"kind": kind, **arguments})
    return await call.control().do(verb)


def types(call: FakeCall, keys: str, gap: float = 0.2) -> None:
    """Press keys one after the other, each with its tone in the audio."""
    for number, key in enumerate(keys):
        later(0.01 + number * gap, call.caller.far.press, key)
        later(number * gap, call.caller.far.say, key_tones(key, milliseconds=100, gap=40))


@virtual_time
async def test_a_card_number_is_kept_under_its_name_and_told_to_nobody() -> None:
    call = a_call()
    later(3, types, call, CARD + "#")
    outcome = await collect(call)
    assert (outcome.ok, outcome.detail) == (True, "collected 16 digits")
    held = call.session.secrets.get("card_number")
    assert held is not None and held.get_secret_value() == CARD
    pressed = call.all(DigitReceived)
    assert len(pressed) == 17 and all(e.hidden and not e.digit for e in pressed)
    assert not tells("4111", *call.events, call.session.scope)
    began, ended = call.all(SecureEntry)
    assert (began.change, ended.change, ended.result, ended.keys) == (
        "began",
        "ended",
        "collected",
        16,
    )
    await call.close()
    assert call.session.secrets.get("card_number") is None


@virtual_time
async def test_a_recording_keeps_silence_of_the_same_length_and_the_prompt(tmp_path: Path) -> None:
    call = a_call(bundle=tmp_path)
    call.session.recordings.start("tape", "tape.wav")
    await call.caller.far.speak(500)
    later(3, types, call, CARD + "#")
    await collect(call)
    began, ended = call.all(SecureEntry)
    await call.caller.far.speak(500)
    await call.close()
    with wave.open(str(tmp_path / "tape.wav")) as file:
        sound = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    left, right = sound[0::2], sound[1::2]
    assert len(left) / 8 >= ended.t + 500
    private = left[began.t * 8 : ended.t * 8]
    assert not private.any()
    assert left[: began.t * 8].any() and left[ended.t * 8 :].any()
    assert right[began.t * 8 : ended.t * 8].any()
    assert KeyTones(8000).feed(left.tobytes()) == ""


@virtual_time
async def test_a_key_that_is_held_stays_private_until_it_is_let_go(tmp_path: Path) -> None:
    call = a_call(bundle=tmp_path)
    call.session.recordings.start("tape", "tape.wav")
    later(2, types, call, "123")
    later(2.6, call.caller.far.press, "4")
    later(2.6, call.caller.far.say, key_tones("4", milliseconds=3000, gap=40))
    await collect(call, "pin", max_digits=4)
    await call.close()
    with wave.open(str(tmp_path / "tape.wav")) as file:
        left = np.frombuffer(file.readframes(file.getnframes()), "<i2")[0::2]
    assert not left.any()


@virtual_time
async def test_those_who_are_in_the_room_hear_silence() -> None:
    call = a_call()
    port = call.bridge.open_port("agent")
    call.session.room.join(port)
    heard = []

    async def hear() -> None:
        async for frame in port.frames():
            heard.append(frame)

    hearing = asyncio.ensure_future(hear())
    later(2, types, call, "1234#")
    await collect(call, "pin", prompt="silence:1")
    began, ended = call.all(SecureEntry)
    within = [f for f in heard if began.t < f.t < ended.t]
    assert len(within) >= 100 and not any(any(f.pcm) for f in within)
    hearing.cancel()


@virtual_time
async def test_a_tap_is_sent_silence_of_the_same_length() -> None:
    wires = FakeTapWires()
    call = a_call(tap_wires=wires)
    policy = Policy(taps=("rtp://192.0.2.1:*",))
    tap = VERBS["tap"].model_validate({"uri": "rtp://192.0.2.1:4000", "direction": "both"})
    assert (await call.control("dialplan", policy).do(tap)).ok
    later(2, types, call, "1234#")
    await collect(call, "pin", prompt="silence:1")
    began, ended = call.all(SecureEntry)
    spoken = {t: pcm for track, pcm, t in wires.wires[0].sent if track == "speak"}
    within = [spoken[t] for t in range(began.t + 20, ended.t - 20, 20)]
    assert len(within) >= 100 and not any(any(pcm) for pcm in within)


@virtual_time
async def test_a_wrong_number_is_asked_for_again_and_star_gives_it_up() -> None:
    call = a_call()
    sounds: Any = call.services.sounds
    later(3, call.caller.far.press, "4111111111111112#")
    later(8, call.caller.far.press, CARD + "#")
    assert (await collect(call)).ok
    assert "not a valid card number" in sounds.loaded[1]
    later(1, call.caller.far.press, "12*")
    outcome = await collect(call, "pin")
    assert (outcome.ok, outcome.detail) == (False, "the caller did not want to")
    assert call.session.scope["vars"]["secure_result"] == "cancelled"
    assert "pin" not in call.session.secrets


@virtual_time
async def test_nothing_typed_is_said_so_after_the_attempts() -> None:
    call = a_call()
    outcome = await collect(call, "pin", attempts=2, initial_timeout=3, prompt="silence:1")
    assert (outcome.ok, outcome.detail) == (False, "the caller typed nothing")


@virtual_time
async def test_one_who_says_the_number_is_asked_to_type_it() -> None:
    call = a_call()
    sounds: Any = call.services.sounds
    later(2, call.caller.far.talk, 3000)
    later(9, call.caller.far.press, "1234#")
    assert (await collect(call, "pin", prompt="silence:1")).ok
    assert any("do not say it" in url for url in sounds.loaded)


@virtual_time
async def test_a_caller_who_leaves_meanwhile_leaves_nothing_behind() -> None:
    call = a_call()
    later(2, call.caller.far.press, "41")
    later(3, call.caller.hang_up_remotely)
    outcome = await collect(call)
    assert not outcome.ok
    assert call.all(SecureEntry)[-1].result == "gone"
    assert call.session.private_keys is None


@virtual_time
async def test_the_line_is_given_back_although_whoever_asked_was_cancelled() -> None:
    call = a_call()
    work = asyncio.ensure_future(collect(call))
    await asyncio.sleep(3)
    call.caller.far.press("41")
    work.cancel()
    await asyncio.sleep(1)
    call.caller.far.press("1")
    await asyncio.sleep(5)
    assert all(e.hidden for e in call.all(DigitReceived))
    assert not call.session.room.shielded(call.caller)
    call.caller.far.press("7")
    await asyncio.sleep(0.1)
    assert call.all(DigitReceived)[-1].digit == "7"


class DeafDetector:
    def probability(self, pcm: bytes) -> float:
        raise ProviderError("silero", "gone")


@virtual_time
async def test_a_detector_that_fails_leaves_the_line_private() -> None:
    call = a_call(detector=lambda rate: DeafDetector())
    later(3, call.caller.far.press, CARD + "#")
    await collect(call)
    call.caller.far.press("7")
    await asyncio.sleep(1)
    assert call.session.room.shielded(call.caller)
    assert [event.code for event in call.all(Warned)] == ["secure_entry"]
    assert all(event.hidden for event in call.all(DigitReceived))


@virtual_time
async def test_the_model_learns_the_last_four_only_where_the_plan_says_so() -> None:
    for last_four, kind, said in (
        (False, "card_number", "collected 16 digits"),
        (True, "card_number", "collected 16 digits, ending in 1111"),
        (True, "number", "collected 16 digits"),
    ):
        call = a_call(privacy=Privacy(last_four=last_four))
        later(3, call.caller.far.press, CARD + "#")
        tool_ = tool_of_verb(VERBS["collect_secure"])
        result = await tool_.invoke({"kind": kind}, call.control("model"))
        assert result.text == said
        await call.close()


@virtual_time
async def test_a_tool_gets_the_secret_it_declares_and_gives_none_of_it_away() -> None:
    got: list[str] = []

    @tool
    async def charge(amount: int, card_number: SecretStr, call: CallControl) -> str:
        """Charge the card.

        Args:
            amount: in cents
        """
        got.append(card_number.get_secret_value())
        if amount < 0:
            raise ValueError(f"cannot charge {card_number.get_secret_value()}")
        return f"charged {amount} to 4111 1111 1111 1111"

    spec = tool_of(charge)
    assert list(spec.parameters["properties"]) == ["amount"]
    call = a_call()
    control = call.control("model")
    early = await spec.invoke({"amount": 500}, control)
    assert not early.ok and "has not typed the card_number" in early.text
    guessed = await spec.invoke({"amount": 500, "card_number": "1"}, control)
    assert not guessed.ok and "no such argument" in guessed.text
    call.session.secrets.keep("card_number", CARD)
    failed = await spec.invoke({"amount": -1}, control)
    assert not failed.ok and "card_number" in call.session.secrets
    assert "[card_number]" in call.all(Warned)[0].detail and not tells("4111", *call.events)
    result = await spec.invoke({"amount": 500}, control)
    assert result.text == "charged 500 to [card_number]"
    assert got == [CARD, CARD]
    assert "card_number" not in call.session.secrets


@pytest.mark.parametrize(
    ("kind", "digits", "right"),
    [
        ("card_number", CARD, True),
        ("card_number", "378282246310005", True),
        ("card_number", CARD[:-1] + "2", False),
        ("card_number", "0", False),
        ("expiry", "1126", True),
        ("expiry", "1026", False),
        ("expiry", "1326", False),
        ("expiry", "1199", False),
        ("security_code", "12", False),
        ("pin", "0000", True),
    ],
)
def test_an_entry_is_checked_by_its_kind(kind: Any, digits: str, right: bool) -> None:
    assert ENTRIES[kind].accepts(digits, date(2026, 11, 23)) is right
    assert luhn("79927398713") and not luhn("79927398710")
