"""Who may send a leg's media, and a kernel that hears nobody else."""

import asyncio
import socket

import pytest

from sipagent.legs.fence import fence
from sipagent.legs.latch import GIVEN_UP, SETTLED, Latch

TOLD, NAT, STRANGER = ("192.0.2.1", 4000), ("198.51.100.7", 31000), ("203.0.113.66", 6666)


def test_who_sends_from_where_its_sdp_says_is_held_at_once_and_for_good() -> None:
    latch = Latch()
    assert latch.look(TOLD, None, 0, 0.0) == ()
    assert latch.look(TOLD, TOLD, 5, 0.25) == (TOLD,)
    assert latch.look(TOLD, STRANGER, 6, 0.5) == (TOLD,)
    assert latch.look(TOLD, STRANGER, 6, 100.0) == (TOLD,)


def test_who_sends_from_behind_a_nat_is_held_once_it_is_the_only_one() -> None:
    latch = Latch()
    assert latch.look(TOLD, NAT, 5, 0.0) == ()
    assert latch.look(TOLD, NAT, 20, SETTLED) == (NAT, TOLD)
    assert latch.look(TOLD, NAT, 40, SETTLED + 1) == (NAT, TOLD)


def test_a_nat_that_finds_another_way_is_found_again() -> None:
    latch = Latch()
    latch.look(TOLD, NAT, 5, 0.0)
    assert latch.look(TOLD, NAT, 20, SETTLED)
    assert latch.look(TOLD, NAT, 20, SETTLED + GIVEN_UP - 0.1) == (NAT, TOLD)
    assert latch.look(TOLD, NAT, 20, SETTLED + GIVEN_UP + 0.1) == ()


def test_a_stranger_who_was_first_gives_way_to_whom_the_sdp_names() -> None:
    latch = Latch()
    latch.look(TOLD, STRANGER, 5, 0.0)
    assert latch.look(TOLD, STRANGER, 20, SETTLED) == (STRANGER, TOLD)
    assert latch.look(TOLD, TOLD, 40, SETTLED + 0.25) == (TOLD,)


def test_a_new_offer_begins_anew() -> None:
    latch, moved = Latch(), ("192.0.2.2", 5000)
    latch.look(TOLD, TOLD, 5, 0.0)
    assert latch.look(moved, TOLD, 6, 0.25) == ()
    assert latch.look(moved, moved, 9, 0.5) == (moved,)


class Socket:
    def __init__(self, host: str, port: int = 0) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((host, port))
        self.socket.setblocking(False)
        self.address: tuple[str, int] = self.socket.getsockname()

    def say(self, data: bytes, to: "Socket") -> None:
        self.socket.sendto(data, to.address)

    def heard(self) -> list[bytes]:
        found = []
        try:
            while True:
                found.append(self.socket.recv(100))
        except BlockingIOError:
            return found


@pytest.mark.rfc("3550", "media of a leg is taken from its far end alone, once it is heard")
async def test_the_kernel_drops_what_a_stranger_sends() -> None:
    friend, stranger, neighbour = (Socket(h) for h in ("127.0.0.6", "127.0.0.66", "127.0.0.6"))
    while True:
        rtp = Socket("127.0.0.5")
        try:
            rtcp = Socket("127.0.0.5", rtp.address[1] + 1)
            break
        except OSError:
            rtp.socket.close()
    senders = (friend, stranger, neighbour)

    def everybody_speaks() -> tuple[list[bytes], list[bytes]]:
        for to in (rtp, rtcp):
            for number, sender in enumerate(senders):
                sender.say(b"%d" % number, to)
        return rtp.heard(), rtcp.heard()

    await asyncio.to_thread(fence, rtp.address[1], [friend.address])
    assert everybody_speaks() == ([b"0"], [b"0", b"2"])
    fence(rtp.address[1], [neighbour.address, stranger.address])
    assert everybody_speaks() == ([b"1", b"2"], [b"0", b"1", b"2"])
    fence(rtp.address[1], [])
    assert everybody_speaks() == ([b"0", b"1", b"2"], [b"0", b"1", b"2"])
    for each in (*senders, rtp, rtcp):
        each.socket.close()
