"""Holders: which process has a port, by /proc."""

import os
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Literal

Kind = Literal["udp", "tcp"]
#: st of /proc/net/tcp: a socket that listens; of udp: one that is bound
_STATES = {"udp": ("07", "01"), "tcp": ("0A",)}


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that has a socket."""

    pid: int
    name: str

    def __str__(self) -> str:
        """`asterisk (process 812)`."""
        return f"{self.name} (process {self.pid})"


def holder(kind: Kind, host: str, port: int, proc: Path = Path("/proc")) -> Holder | None:
    """Who has that port where `host` would be bound; None where nobody is to be seen: processes of
    other users show their sockets to root only.
    """
    inodes = {inode for at, inode in _sockets(kind, port, proc) if _meet(host, at)}
    if not inodes:
        return None
    wanted = {f"socket:[{inode}]" for inode in inodes}
    for folder in proc.iterdir():
        if folder.name.isdigit() and _holds(folder / "fd", wanted):
            return Holder(int(folder.name), process_name(int(folder.name), proc))
    return None


def process_name(pid: int, proc: Path = Path("/proc")) -> str:
    """Its name as ps shows it, or `?`."""
    try:
        return (proc / str(pid) / "comm").read_text().strip() or "?"
    except OSError:
        return "?"


def _holds(folder: Path, wanted: set[str]) -> bool:
    with suppress(OSError):
        for link in folder.iterdir():
            with suppress(OSError):
                if os.readlink(link) in wanted:  # noqa: PTH115 - a link to no path
                    return True
    return False


def _sockets(kind: Kind, port: int, proc: Path) -> Iterator[tuple[str, str]]:
    """Local address and inode of every socket on that port."""
    for table in (kind, f"{kind}6"):
        try:
            lines = (proc / "net" / table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            host, _, at = fields[1].partition(":")
            if int(at, 16) == port and fields[3] in _STATES[kind]:
                yield _address(host), fields[9]


def _address(text: str) -> str:
    """An address of /proc/net: hexadecimal words of the machine's own byte order."""
    raw = b"".join(struct.pack("=I", int(text[at : at + 8], 16)) for at in range(0, len(text), 8))
    return socket.inet_ntop(socket.AF_INET if len(raw) == 4 else socket.AF_INET6, raw)


def _meet(wanted: str, had: str) -> bool:
    """Do sockets on these two hosts get into each other's way? A name is any address."""
    try:
        one, other = ip_address(wanted), ip_address(had)
    except ValueError:
        return True
    return one == other or one.is_unspecified or other.is_unspecified
