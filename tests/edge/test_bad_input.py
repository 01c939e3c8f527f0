"""What bad input gets at the front door, and that a clean call works right after."""

import random
from pathlib import Path
from typing import Any

import pytest

Line = Any
PACKETS = Path(__file__).parents[1] / "packets"
BITS = [b"", b"\r\n", b"\n", b"\0", b'"', b"<", b">", b";", b",", b":", b" ", b"9", b"-", b"\xff"]
STATUS = {"bad_version": 505, "bad_content_length_overlarge": 513}
SILENT = {
    "bad_no_via": "no way back",
    "bad_via_malformed": "no way back",
    "bad_status": "a response",
    "bad_never_ends": "headers cannot be told apart",
    "bad_header_without_colon": "headers cannot be told apart",
    "bad_header_name": "headers cannot be told apart",
    "bad_fold_without_header": "headers cannot be told apart",
    "bad_http": "no SIP",
    "bad_stun": "no SIP",
    "bad_empty_lines": "a keep-alive",
    "bad_huge_header": "no datagram is that large",
}
ANSWERED = {
    path.stem: path.read_bytes()
    for path in sorted(PACKETS.glob("bad_*.bin"))
    if path.stem not in SILENT
}


@pytest.mark.parametrize("name", ANSWERED)
@pytest.mark.rfc("3261", "malformed requests get 400, 505 or 513")
async def test_bad_requests_are_answered_where_that_is_possible(line: Line, name: str) -> None:
    phone = await line.phone()
    line.send(phone, ANSWERED[name])
    answer = await phone.raw()
    assert answer.startswith(b"SIP/2.0 %d " % STATUS.get(name, 400))
    assert answer.count(b"Call-ID:") + answer.count(b"\ni:") == 1


@pytest.mark.parametrize("name", [n for n in SILENT if n != "bad_huge_header"])
async def test_the_rest_is_met_with_silence(line: Line, name: str) -> None:
    phone = await line.phone()
    line.send(phone, (PACKETS / f"{name}.bin").read_bytes())
    line.send(phone, phone.request("OPTIONS", line.uri("x")))
    await phone.get(200)
    assert phone.silent()


@pytest.mark.rfc("3261", "a malformed ACK or response is not answered")
async def test_a_bad_ack_or_response_is_not_answered(line: Line) -> None:
    phone = await line.phone()
    ack = phone.request("ACK", line.uri("x")).replace(b"CSeq: 1 ACK", b"CSeq: 1 BYE")
    line.send(phone, ack)
    line.send(phone, phone.request("ACK", "tel:x"))
    line.send(phone, (PACKETS / "response.bin").read_bytes())
    line.send(phone, phone.request("OPTIONS", line.uri("x")))
    await phone.get(200)
    assert phone.silent()


async def test_a_clean_call_works_after_a_flood_of_damaged_ones(line: Line) -> None:
    """The mutations are the same in every run; the fixture checks that none met a bug of ours."""
    phone = await line.phone()
    dice = random.Random(5060)
    packets = [path.read_bytes() for path in sorted(PACKETS.glob("*.bin"))]
    for round_ in range(20):
        for packet in packets:
            damaged = bytearray(packet[:4000])
            for _ in range(dice.randint(1, 5)):
                if not damaged:
                    break
                place = dice.randrange(len(damaged))
                damaged[place : place + dice.randint(0, 3)] = dice.choice(BITS)
            line.send(phone, bytes(damaged))
        marker = f"round{round_}@test"
        line.send(phone, phone.request("OPTIONS", line.uri("x"), call_id=marker))
        while marker.encode() not in await phone.raw():
            pass
    assert line.edge.counters.bad > 100
    line.desk.workers.clear()
    await line.established(call_id="clean@1")


async def test_a_reply_never_repeats_what_was_smuggled(line: Line) -> None:
    phone = await line.phone()
    line.send(phone, ANSWERED["bad_nul"])
    assert b"\0" not in await phone.raw()
    request = phone.request("OPTIONS", line.uri("x"))
    line.send(phone, request.replace(b"CSeq: 1", b"CSeq: 1\nX-Evil: 1"))
    assert b"Evil" not in await phone.raw()
