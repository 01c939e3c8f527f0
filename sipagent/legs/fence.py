"""Fence: the kernel drops what a media socket should not hear (socket filters, socket(7))."""

import ctypes
import os
import socket
import struct
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from ipaddress import IPv4Address

from .descriptors import own_sockets
from .diagnosis import Address

_ATTACH, _DETACH = 26, 27  # SO_ATTACH_FILTER, SO_DETACH_FILTER of asm-generic/socket.h
#: classic BPF: load a word or half-word, jump if equal, return
_WORD, _HALF, _JUMP, _RETURN = 0x20, 0x28, 0x15, 0x06
#: the network header, from within a filter on UDP (SKF_NET_OFF), and the sender in it
_SENDER = 0xFFF00000 + 12
_ALL = 0xFFFFFFFF


def fence(port: int, allowed: Sequence[Address]) -> None:
    """Have the RTP socket on our `port`, and its RTCP socket one above, hear these IPv4 places
    only; of RTCP the port is not looked at. None: everybody.
    """
    hosts = [(host, None) for host, _ in allowed]
    with _sockets_on(port, port + 1) as found:
        for number, places in ((port, list(allowed)), (port + 1, hosts)):
            for sock in found[number]:
                with suppress(OSError):
                    if allowed:
                        _attach(sock, places)
                    else:
                        sock.setsockopt(socket.SOL_SOCKET, _DETACH, 0)


def program(places: Sequence[tuple[str, int | None]]) -> list[tuple[int, int, int, int]]:
    """The filter's instructions: code, jump if true, jump if false, operand. Raises ValueError."""
    made: list[tuple[int, int, int, int]] = []
    for host, port in places:
        address = int(IPv4Address(host))
        made.append((_WORD, 0, 0, _SENDER))
        if port is None:
            made += [(_JUMP, 0, 1, address), (_RETURN, 0, 0, _ALL)]
        else:
            made += [(_JUMP, 0, 3, address), (_HALF, 0, 0, 0), (_JUMP, 0, 1, port)]
            made.append((_RETURN, 0, 0, _ALL))
    return [*made, (_RETURN, 0, 0, 0)]


def _attach(sock: socket.socket, places: Sequence[tuple[str, int | None]]) -> None:
    try:
        steps = program(places)
    except ValueError:  # IPv6 media reaches the library over a relay of ours
        return
    code = b"".join(struct.pack("HBBI", *step) for step in steps)
    buffer = ctypes.create_string_buffer(code, len(code))
    sock.setsockopt(
        socket.SOL_SOCKET, _ATTACH, struct.pack("HP", len(steps), ctypes.addressof(buffer))
    )


@contextmanager
def _sockets_on(*ports: int) -> Iterator[dict[int, list[socket.socket]]]:
    """This process's IPv4 datagram sockets on these ports, for as long as the block runs: the
    library does not tell its own.
    """
    found: dict[int, list[socket.socket]] = {port: [] for port in ports}
    with ExitStack() as borrowed:
        for number in own_sockets():
            with suppress(OSError):  # closed meanwhile
                sock = borrowed.enter_context(socket.socket(fileno=os.dup(number)))
                if (sock.family, sock.type) == (socket.AF_INET, socket.SOCK_DGRAM):
                    found.get(sock.getsockname()[1], []).append(sock)
        yield found
