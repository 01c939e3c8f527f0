"""Are the ports of the settings free, or held by our own server?"""

import errno
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sipagent.config import Settings
from sipagent.doctor.aside import aside
from sipagent.doctor.check import Check
from sipagent.doctor.findings import Ailment, Finding, Severity, fine
from sipagent.doctor.holders import Kind, holder, process_name
from sipagent.doctor.patient import Patient

PORT_IN_USE = Ailment(
    "port-in-use",
    Severity.PROBLEM,
    "another program listens there: the server cannot start",
    "end that program, or set another port",
)
NO_SUCH_ADDRESS = Ailment(
    "no-such-address",
    Severity.PROBLEM,
    "this machine has no interface with that address",
    "set one that `ip address` shows, or 0.0.0.0 for all",
)
PORT_NOT_ALLOWED = Ailment(
    "port-not-allowed",
    Severity.PROBLEM,
    "ports below 1024 are for root, or for a service with CAP_NET_BIND_SERVICE",
    "set a higher port, or give the service that capability",
)
NOT_LISTENING = Ailment(
    "not-listening",
    Severity.WARNING,
    "the server runs with older settings: sockets change at a restart only",
    "sipagent restart; live calls are kept",
)
SERVER_DOWN = Ailment(
    "server-down",
    Severity.NOTE,
    "no server runs on these settings",
    "sipagent serve",
)


@dataclass(frozen=True, slots=True)
class _Door:
    """A socket the settings ask for."""

    kind: Kind
    what: str
    host: str
    port: int
    key: str

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.what} {host}:{self.port}"


def _doors(settings: Settings) -> Iterator[_Door]:
    for number, at in enumerate(settings.sip.listen):
        kind: Kind = "udp" if at.transport == "udp" else "tcp"
        yield _Door(kind, f"SIP {at.transport}", at.host, at.port, f"sip.listen[{number}].port")
    if settings.api is not None:
        yield _Door("tcp", "API", settings.api.host, settings.api.port, "api.port")
    if settings.relay is not None:
        yield _Door("tcp", "RELAY", settings.relay.host, settings.relay.port, "relay.port")


async def _run(patient: Patient) -> Sequence[Finding]:
    return await aside(lambda: list(_looked(patient)))


def _looked(patient: Patient) -> Iterator[Finding]:
    for door in _doors(patient.settings):
        if door.port:
            yield _judged(door, patient.pid)
    if patient.pid is None:
        yield SERVER_DOWN.found("no server is running on these settings", key="state")
    else:
        name = process_name(patient.pid)
        yield fine(f"the server runs: {name}, process {patient.pid}")


def _judged(door: _Door, pid: int | None) -> Finding:
    try:
        _bind(door)
    except OSError as error:
        return _refused(door, error, pid)
    if pid is not None:
        return NOT_LISTENING.found(f"{door} is free, though the server runs", key=door.key)
    return fine(f"{door} is free", door.key)


def _refused(door: _Door, error: OSError, pid: int | None) -> Finding:
    if error.errno == errno.EADDRINUSE:
        held = holder(door.kind, door.host, door.port)
        if held is not None and held.pid == pid:
            return fine(f"{door} is held by our own server", door.key)
        who = str(held) if held else "a process of another user (root sees which)"
        cure = "" if pid is not None else f"end {who}, or set another port"
        return PORT_IN_USE.found(f"{door} is held by {who}", key=door.key, cure=cure)
    if error.errno == errno.EACCES:
        return PORT_NOT_ALLOWED.found(f"{door}: not permitted", key=door.key)
    what = f"{door}: {error.strerror or error}"
    return NO_SUCH_ADDRESS.found(what, key=door.key.replace("port", "host"))


def _bind(door: _Door) -> None:
    """Take the port for a moment. Raises OSError."""
    udp = door.kind == "udp"
    family = socket.AF_INET6 if ":" in door.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM if udp else socket.SOCK_STREAM) as probe:
        if not udp:  # as a server does: what lingers of old connections is in nobody's way
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        probe.bind((door.host, door.port))
        if not udp:
            probe.listen(1)


CHECK = Check(
    "ports",
    "ports of SIP, API and RELAY",
    _run,
    (PORT_IN_USE, NO_SUCH_ADDRESS, PORT_NOT_ALLOWED, NOT_LISTENING, SERVER_DOWN),
)
