"""Whatever phones do when they ring together: one outcome, nobody left ringing or talking."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from pydantic import SecretStr

from sipagent.config import Listener, Phone, Settings, Sip
from sipagent.edge.message import Message, parse
from sipagent.testing.frontdoor import UdpPeer
from sipagent.testing.registering import Registering

Line = Any
LISTEN = (Listener(port=0), Listener(transport="tcp", port=0))
PHONES = {"201": Phone(password=SecretStr("s3cret"))}


@dataclass
class Place:
    """A phone that follows a script: its statuses one after the other, each after a while."""

    name: str
    line: Line
    peer: UdpPeer
    script: list[tuple[float, int]]
    final: int = 0
    got: list[str] = field(default_factory=list)
    invite: Message | None = None

    async def live(self) -> None:
        """Until cancelled."""
        acting: asyncio.Task[None] | None = None
        try:
            while True:
                message = parse(await self.peer.raw(60))
                method = message.method.decode()
                if method == "INVITE" and self.invite is not None:
                    continue
                self.got.append(method)
                if method == "INVITE":
                    self.invite = message
                    acting = asyncio.create_task(self._act())
                elif method in ("CANCEL", "BYE"):
                    self.peer.respond(message, 200, self.line.public, tag=self.name)
                    if method == "CANCEL":
                        self._say(487)
        finally:
            if acting is not None:
                acting.cancel()

    async def _act(self) -> None:
        for wait, status in self.script:
            await asyncio.sleep(wait)
            self._say(status)

    def _say(self, status: int) -> None:
        assert self.invite is not None
        if self.final:
            return
        self.final = status if status >= 200 else 0
        contact = f"sip:201@127.0.0.1:{self.peer.local[1]}"
        self.peer.respond(self.invite, status, self.line.public, tag=self.name, contact=contact)


def script(dice: random.Random) -> list[tuple[float, int]]:
    moves = [(dice.choice((0.0, 0.01, 0.03)), 180)] if dice.random() < 0.7 else []
    last = dice.choice((0, 200, 200, 302, 404, 486, 500, 603))
    return [*moves, (dice.choice((0.0, 0.01, 0.05, 0.1)), last)] if last else moves


@pytest.mark.parametrize("seed", range(25))
@pytest.mark.rfc("3261", "forking: any order of answers comes to one end")
async def test_any_order_of_answers_comes_to_one_end(
    lines: Callable[..., Awaitable[Line]], seed: int
) -> None:
    dice = random.Random(seed)
    line = await lines(Settings(sip=Sip(listen=LISTEN), phones=PHONES))
    places = [await place(line, f"p{n}", script(dice)) for n in range(3)]
    living = [asyncio.create_task(one.live()) for one in places]
    token, worker = await line.worker(waiting=False)
    inside = line.edge.internal_address

    def send(method: str, to_tag: str = "") -> None:
        same = {"call_id": "f@1", "branch": "z9hG4bKw", "to_tag": to_tag}
        contact = f"Contact: <{line.uri('w.' + token)}>"
        uri, extra = line.uri("201"), (line.route(),)
        worker.send(worker.request(method, uri, contact=contact, extra=extra, **same), inside)

    send("INVITE")
    gives_up = asyncio.get_running_loop().call_later(dice.choice((0.02, 0.3)), send, "CANCEL")
    final = await outcome(worker)
    gives_up.cancel()
    if final.status >= 300:
        send("ACK", final.to.tag.decode())
    talks = final.to.tag.decode() if final.status == 200 else ""
    async with asyncio.timeout(10):
        while not all(settled(one, talks) for one in places):
            await asyncio.sleep(0.02)
        while line.edge.transactions:  # the tables forget
            await asyncio.sleep(0.02)
    assert line.edge.dialogs == bool(talks)
    assert line.edge.counters.exceptions == 0
    for one in living:
        one.cancel()
    await asyncio.gather(*living, return_exceptions=True)
    while not worker.silent():
        late = parse(await worker.raw())
        assert late.cseq.method == b"CANCEL" or late.status == final.status or late.status < 200


async def place(line: Line, name: str, script: list[tuple[float, int]]) -> Place:
    peer = await line.phone()
    phone = Registering(peer, lambda data: line.send(peer, data), line.uri("201"))
    assert (await phone.register(phone.contact())).status == 200
    return Place(name, line, peer, script)


async def outcome(worker: UdpPeer) -> Message:
    """The final answer to the INVITE."""
    while True:
        answer = parse(await worker.raw(10))
        if answer.status >= 200 and answer.cseq.method == b"INVITE":
            return answer


def settled(one: Place, talks: str) -> bool:
    """The phone heard all it should: who rings in vain is cancelled and so refuses, who refused
    gets an ACK, who answered too late ACK and BYE.
    """
    if one.name == talks:
        return "BYE" not in one.got
    if one.final == 200:
        return {"ACK", "BYE"} <= set(one.got)
    if one.final:
        return "ACK" in one.got
    return not one.script
