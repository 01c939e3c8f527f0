"""Transactions: which message belongs to which transaction, and where its answers go."""

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from .message import Message, Request, Response, params
from .transaction import ClientTransaction, ServerTransaction, State, Timers
from .transport import Address

K = TypeVar("K")
V = TypeVar("V")

OnRequest = Callable[[Request, ServerTransaction | None], None]


class Transactions:
    """Every transaction of one transport, matched as RFC 3261 sections 17.1.3 and 17.2.3 say."""

    def __init__(
        self, send: Callable[[bytes, Address], None], timers: Timers, on_request: OnRequest
    ) -> None:
        self._send = send
        self._timers = timers
        self._on_request = on_request
        self._clients: dict[tuple[str, str], ClientTransaction] = {}
        self._servers: dict[tuple[str, str, str], ServerTransaction] = {}

    def request(
        self, request: Request, hop: Address, on_response: Callable[[Response], None]
    ) -> ClientTransaction:
        """Send a request (not ACK) to the next hop."""
        key = (_branch(request), request.method)

        def send(message: Message) -> None:
            self._send(bytes(message), hop)

        transaction = ClientTransaction(request, send, self._timers, on_response)
        self._clients[key] = transaction
        transaction.on_end(partial(_forget, self._clients, key))
        transaction.start()
        return transaction

    def invite_of(self, cancel: Request) -> ServerTransaction | None:
        """The INVITE that a CANCEL is about (section 9.2)."""
        branch, sent_by, _ = _server_key(cancel)
        return self._servers.get((branch, sent_by, "INVITE"))

    def receive(self, message: Request | Response, source: Address) -> None:
        """A message arrived from `source`."""
        if isinstance(message, Response):
            client = self._clients.get((_branch(message), message.cseq[1]))
            if client is not None:
                client.receive(message)
            return
        key = _server_key(message)
        known = self._servers.get(key)
        if known is not None and not (message.method == "ACK" and known.state is State.ACCEPTED):
            known.receive(message)
        elif message.method == "ACK":
            self._on_request(message, None)
        else:
            self._open(key, message, source)

    def close(self) -> None:
        """Forget everything, at once."""
        for transaction in [*self._clients.values(), *self._servers.values()]:
            transaction.terminate()

    def _open(self, key: tuple[str, str, str], request: Request, source: Address) -> None:
        to = source if self._timers.reliable else _reply_address(request, source)

        def send(message: Message) -> None:
            self._send(bytes(message), to)

        transaction = ServerTransaction(_received(request, source), source, send, self._timers)
        self._servers[key] = transaction
        transaction.on_end(partial(_forget, self._servers, key))
        self._on_request(transaction.request, transaction)


def _forget(table: dict[K, V], key: K) -> None:
    table.pop(key, None)


def _branch(message: Message) -> str:
    return params(message.all("Via")[0]).get("branch", "")


def _server_key(request: Request) -> tuple[str, str, str]:
    via = request.all("Via")[0]
    sent_by = via.split(";")[0].split()[-1].lower()
    method = "INVITE" if request.method == "ACK" else request.method
    return _branch(request), sent_by, method


def _received(request: Request, source: Address) -> Request:
    """The request with `received` and `rport` filled in (RFC 3581 section 4)."""
    vias = request.all("Via")
    top = vias[0]
    if "rport" in params(top):
        head, *tail = top.split(";")
        tail = [p for p in tail if p.partition("=")[0].strip().lower() not in ("rport", "received")]
        top = ";".join([head, *tail, f"received={source[0]}", f"rport={source[1]}"])
    rest = tuple((n, v) for n, v in request.headers if n.lower() != "via")
    stack = tuple(("Via", via) for via in (top, *vias[1:]))
    return Request((*stack, *rest), request.body, request.method, request.uri)


def _reply_address(request: Request, source: Address) -> Address:
    """Where a response goes over UDP (section 18.2.2, RFC 3581)."""
    via = request.all("Via")[0]
    if "rport" in params(via):
        return source
    sent_by = via.split(";")[0].split()[-1]
    host, _, port = sent_by.rpartition(":")
    return source[0], int(port) if host and port.isdigit() else 5060
