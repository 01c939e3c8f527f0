"""Roster: the workers alive, by token and by the address of their SIP socket."""

from dataclasses import dataclass

from .desk import Address
from .headers import Uri
from .identity import TOKEN_PREFIX


@dataclass(frozen=True, slots=True)
class Worker:
    """A process that speaks SIP with us on loopback."""

    token: str
    address: Address


class Roster:
    """Who may use the internal socket, and where each of them listens."""

    def __init__(self) -> None:
        self._by_token: dict[str, Worker] = {}
        self._by_address: dict[Address, Worker] = {}

    def add(self, token: str, address: Address) -> Worker:
        """A worker is ready; saying it twice changes nothing."""
        worker = Worker(token, address)
        self._by_token[token] = worker
        self._by_address[address] = worker
        return worker

    def remove(self, token: str) -> None:
        """A worker is gone."""
        worker = self._by_token.pop(token, None)
        if worker is not None and self._by_address.get(worker.address) == worker:
            del self._by_address[worker.address]

    def get(self, token: str) -> Worker | None:
        """By token."""
        return self._by_token.get(token)

    def at(self, address: Address) -> Worker | None:
        """By address."""
        return self._by_address.get(address)

    def named(self, uri: Uri) -> Worker | None:
        """The worker a request URI `sip:w.TOKEN@...` speaks of."""
        if not uri.user.startswith(TOKEN_PREFIX):
            return None
        return self._by_token.get(uri.user.removeprefix(TOKEN_PREFIX).decode("latin-1"))
