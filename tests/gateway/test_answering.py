"""Who answered? Human speech, a mailbox with its beep and a fax, over real RTP."""

import asyncio
from pathlib import Path

import numpy as np
import pytest

from sipagent.events import LegChanged, MachineDetected
from sipagent.testing.audio import RATE, silence
from sipagent.testing.call import PhoneCall
from sipagent.testing.carrying import carried
from sipagent.testing.phone import Phone
from sipagent.testing.prompts import PROMPT_FOLDER, prompt
from sipagent.testing.server import Server, running
from sipagent.testing.sounding import dial, plan, the

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PROMPT_FOLDER.is_dir(), reason="asterisk-core-sounds-en-wav is absent"),
]


def beep(hertz: float, seconds: float) -> bytes:
    time = np.arange(round(seconds * RATE)) / RATE
    return (np.sin(2 * np.pi * hertz * time) * 6000).astype("<i2").tobytes()


MAILBOX = (
    silence(0.5) + prompt("vm-nobodyavail") + silence(0.3) + prompt("vm-intro") + silence(0.4)
    + beep(1000, 0.4) + silence(1.0)
)  # fmt: skip
DETECT = """
- answer
- detect_machine: {detect_message_end: true, timeout: 40}
- play: "say:${vars.detect_result}"
- hangup
"""


async def test_a_person_a_mailbox_and_a_fax_are_told_apart(tmp_path: Path) -> None:
    answers = {
        "person": silence(0.5) + prompt("hello") + silence(2),
        "mailbox": MAILBOX,
        "fax": silence(0.5) + beep(2100, 2.0),
    }
    async with (
        Phone(user="person") as person,
        Phone(user="mailbox") as mailbox,
        Phone(user="fax") as fax,
        running(tmp_path, plan("610", DETECT)) as server,
    ):
        await asyncio.gather(
            *(_says(phone, server, answers[phone.user]) for phone in (person, mailbox, fax))
        )
        told = {
            event.call_id: event for event in server.events if isinstance(event, MachineDetected)
        }
        found = {event.result: event for event in told.values()}
        callers = {r: server.bundles[e.call_id] for r, e in found.items()}
        assert len(callers) == 3
    assert found.keys() == {"human", "machine", "fax"}
    assert found["machine"].ready == "beep"
    # it waited for the beep, and not for the silence after the greeting
    assert found["machine"].ms > 1000 * (len(MAILBOX) / 2 / RATE - 2.0)
    assert found["human"].ms < 4000


async def _says(phone: Phone, server: Server, answer: bytes) -> None:
    call = await dial(phone, server, "610")
    await call.play(answer)
    await call.wait_ended()
    await server.wait_for(lambda: len(server.bundles) == 3)


CONNECT = """
- answer
- connect:
    parallel: [{to: "FIRST", whisper: "say:never"}, {to: "SECOND"}]
    timeout: 30
    confirm: person
    confirm_timeout: 40
    whisper: "say:A call from the shop."
- hangup
"""
PERSON = """
  person:
    - detect_machine: {initial_timeout: 20}
    - cond:
        - when: "vars.detect_result != 'human'"
          then: [hangup]
    - prompt: {play: "say:Press one to take this call.", initial_timeout: 20}
    - return: "${prompt_value == '1'}"
"""


async def test_a_mailbox_does_not_take_a_call_and_a_person_who_confirms_does(
    tmp_path: Path,
) -> None:
    async def greet(call: PhoneCall) -> None:
        call.answer()
        await call.play(MAILBOX)

    async def hello(call: PhoneCall) -> None:
        call.ring()
        await first.wait_call()
        await asyncio.sleep(1)
        call.answer()
        await call.play(silence(0.5) + prompt("hello"))
        await call.wait_for_speech(15)
        await call.press("1")

    async with (
        Phone(user="first") as first,
        Phone(user="second") as second,
        Phone(user="caller") as caller,
    ):
        first.on_call, second.on_call = greet, hello
        steps = CONNECT.replace("FIRST", first.uri).replace("SECOND", second.uri)
        text = plan("611", steps, 'policy: {destinations: ["sip:*@127.0.0.1:*"]}') + PERSON
        async with running(tmp_path, text) as server:
            call = await dial(caller, server, "611")
            mailbox, person = await first.wait_call(), await second.wait_call()
            assert (await mailbox.wait_ended()).by == "remote"
            await the(server, MachineDetected, result="human")
            await person.wait_for_silence(700, 30)
            assert await carried(call, person)
            assert await carried(person, call)
            await person.hangup()
            assert (await call.wait_ended()).by == "remote"
            bundle = await server.bundle()
            await server.idle()
        results = [e.result for e in bundle.events if isinstance(e, MachineDetected)]
        assert sorted(results) == ["human", "machine"]
        legs = {e.leg for e in bundle.events if isinstance(e, LegChanged) and e.role == "callee"}
        assert len(legs) == 2
        (transfer,) = bundle.cdr.transfers
        assert transfer.ok
