"""Free ports on loopback, for peers that must be told theirs."""

import socket
from typing import Literal


def free_port(kind: Literal["udp", "tcp"] = "udp", *, even: bool = False) -> int:
    """A port nobody has at the moment. RTP wants an `even` one with its neighbour free."""
    family = socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM
    while True:
        with socket.socket(socket.AF_INET, family) as bound:
            bound.bind(("127.0.0.1", 0))
            port: int = bound.getsockname()[1]
        if not even or (port % 2 == 0 and port < 65500):
            return port
