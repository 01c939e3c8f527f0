"""The channel: framing, bounds, and what a broken peer does to it."""

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import ValidationError
from structlog.testing import capture_logs

from sipagent.events import Said
from sipagent.worker.channel import MAX_FRAME, Channel, ChannelError
from sipagent.worker.protocol import (
    DOWN,
    UP,
    Assign,
    Assignment,
    Claimed,
    Down,
    HangUp,
    Happened,
    Ping,
    PlanText,
    Up,
)


class Ends:
    """Both ends of a channel, the gateway's transport and the worker's bare stream."""

    def __init__(
        self,
        gateway: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        worker: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        self.gateway = Channel[Down, Up](*gateway, UP, max_pending=100_000)
        self.gateway_transport = gateway[1].transport
        self.worker = Channel[Up, Down](*worker, DOWN)
        self.raw = worker[1]


@pytest.fixture
async def ends() -> AsyncIterator[Ends]:
    left, right = socket.socketpair()
    made = Ends(await asyncio.open_connection(sock=left), await asyncio.open_connection(sock=right))
    yield made
    made.gateway.close()
    made.worker.close()
    await asyncio.sleep(0)  # transports close on the next turn of the loop


async def test_messages_arrive_whole_typed_and_in_order(ends: Ends) -> None:
    said = Said(call_id="1", speaker="caller", text="grüß dich", start=20, end=900)
    ends.worker.send(Claimed())
    ends.worker.send(Happened(event=said))
    ends.worker.close()
    assert [message async for message in ends.gateway] == [Claimed(), Happened(event=said)]


async def test_a_whole_plan_fits_in_an_assignment(ends: Ends) -> None:
    assignment = Assignment(
        call_id="1",
        plan=PlanText(name="p", file="p.yaml", document={"prompt": "x" * 90_000}),
        caller="sip:a@example.com",
        callee="sip:b@example.com",
        bundle=Path("calls/1"),
    )
    ends.gateway.send(Assign(assignment=assignment))
    assert await anext(ends.worker) == Assign(assignment=assignment)


@pytest.mark.parametrize(
    ("frame", "complaint"),
    [
        (struct.pack("!I", MAX_FRAME + 1), "at most"),
        (struct.pack("!I", 3) + b"{}}", "json_invalid"),
        (struct.pack("!I", 2) + b"{}", "union_tag_not_found"),
        (struct.pack("!I", 20) + b'{"type": "claimed!"}', "union_tag_invalid"),
        (struct.pack("!I", 9) + b"{}", "cut short"),
        (b"\0\0", "cut short"),
    ],
)
async def test_what_is_no_message_is_an_error_with_its_cause(
    ends: Ends, frame: bytes, complaint: str
) -> None:
    ends.raw.write(frame)
    ends.raw.write_eof()
    with pytest.raises(ChannelError, match=complaint) as raised:
        await anext(ends.gateway)
    assert complaint == "at most" or isinstance(
        raised.value.__cause__, ValidationError | asyncio.IncompleteReadError
    )


async def test_a_protocol_error_does_not_quote_what_people_said(ends: Ends) -> None:
    body = json.dumps({"type": "happened", "event": {"type": "said", "text": "my PIN is 1234"}})
    ends.raw.write(struct.pack("!I", len(body)) + body.encode())
    with pytest.raises(ChannelError) as raised:
        await anext(ends.gateway)
    assert "1234" not in str(raised.value)


async def test_a_message_above_the_bound_is_refused_and_the_channel_lives(ends: Ends) -> None:
    with pytest.raises(ChannelError, match="HangUp of"):
        ends.gateway.send(HangUp(reason="x" * MAX_FRAME))
    ends.gateway.send(Ping(n=1))
    assert await anext(ends.worker) == Ping(n=1)


async def test_a_peer_that_does_not_read_is_counted_as_dead(ends: Ends) -> None:
    with capture_logs() as lines:
        sent = 0
        while not ends.gateway.closed:
            ends.gateway.send(HangUp(reason="x" * 10_000))
            sent += 1
            assert sent < 1_000, "the bound never held"
    assert [line["event"] for line in lines] == ["channel_peer_does_not_read"]
    assert [message async for message in ends.gateway] == []
    ends.gateway.send(Ping(n=1))  # dropped, not raised


async def test_drained_messages_outlive_the_sender(ends: Ends) -> None:
    messages = [HangUp(reason=f"{n} " + "x" * 20_000) for n in range(20)]
    reading = asyncio.ensure_future(_collect(ends.worker))
    for message in messages:
        ends.gateway.send(message)
        await ends.gateway.drain()
    # As os._exit would: whatever is not with the kernel is lost.
    ends.gateway_transport.abort()
    assert await reading == messages


async def _collect(channel: Channel[Up, Down]) -> list[Down]:
    return [message async for message in channel]


async def test_a_vanished_peer_ends_the_iteration_and_spoils_no_send(ends: Ends) -> None:
    ends.worker.close()
    assert [message async for message in ends.gateway] == []
    ends.gateway.send(Ping(n=1))
    await ends.gateway.drain()
