"""Free ports on loopback, for peers that must be told theirs."""

import secrets
import socket

#: below the kernel's own choices (32768 and up), which other sockets take at any moment, and below
#: the server's RTP range
_FIRST, _COUNT = 10_000, 10_000
_given: set[int] = set()


def free_port(*, even: bool = False) -> int:
    """A port that nobody has, for UDP and TCP, and that was not given out before. RTP wants an
    `even` one.
    """
    while True:
        port = _FIRST + secrets.randbelow(_COUNT)
        if (even and port % 2) or port in _given or not _is_free(port):
            continue
        _given.add(port)
        return port


def _is_free(port: int) -> bool:
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True
