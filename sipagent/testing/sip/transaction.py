"""Transactions: one request and its responses, sent again until heard (RFC 3261 section 17).

The states of a successful INVITE are those of RFC 6026: it absorbs retransmissions, while the
2xx and its ACK belong to the user agent.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from .message import Message, Request, Response
from .transport import Address


@dataclass(frozen=True, slots=True)
class Timers:
    """T1, T2 and T4 in seconds (RFC 3261 section 17.1.1.1). Tests may shorten them."""

    t1: float = 0.5
    t2: float = 4.0
    t4: float = 5.0
    reliable: bool = False

    @property
    def give_up(self) -> float:
        """Timers B, F, H and J."""
        return 64 * self.t1


class State(Enum):
    """Where a transaction stands; `ACCEPTED` is RFC 6026's."""

    TRYING = auto()
    PROCEEDING = auto()
    ACCEPTED = auto()
    COMPLETED = auto()
    CONFIRMED = auto()
    TERMINATED = auto()


class _Transaction:
    """A state, something to send again with a growing interval, and a deadline."""

    def __init__(self, send: Callable[[Message], None], timers: Timers) -> None:
        self.state = State.TRYING
        self._send = send
        self._timers = timers
        self._again: asyncio.TimerHandle | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._on_end: Callable[[], None] = lambda: None

    def on_end(self, listener: Callable[[], None]) -> None:
        """Have `listener` called when the transaction is over."""
        self._on_end = listener

    def terminate(self) -> None:
        """Stop every timer and be gone."""
        self._stop_sending()
        self._limit(None, lambda: None)
        if self.state is not State.TERMINATED:
            self.state = State.TERMINATED
            self._on_end()

    def _repeat(self, message: Message, interval: float, cap: float) -> None:
        """Send `message` again after `interval`, doubling up to `cap`."""
        self._stop_sending()
        if self._timers.reliable:
            return

        def again() -> None:
            self._send(message)
            self._repeat(message, min(2 * interval, cap), cap)

        self._again = asyncio.get_running_loop().call_later(interval, again)

    def _stop_sending(self) -> None:
        if self._again is not None:
            self._again.cancel()
            self._again = None

    def _limit(self, seconds: float | None, then: Callable[[], None]) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if seconds is not None:
            self._deadline = asyncio.get_running_loop().call_later(seconds, then)


class ClientTransaction(_Transaction):
    """Our request. `on_response` hears every response once, and 408 when none came."""

    def __init__(
        self,
        request: Request,
        send: Callable[[Message], None],
        timers: Timers,
        on_response: Callable[[Response], None],
    ) -> None:
        super().__init__(send, timers)
        self.request = request
        self._on_response = on_response
        self._invite = request.method == "INVITE"

    def start(self) -> None:
        """Send the request; timers A and B, or E and F, run from now."""
        self._send(self.request)
        cap = self._timers.give_up if self._invite else self._timers.t2
        self._repeat(self.request, self._timers.t1, cap)
        self._limit(self._timers.give_up, self._timed_out)

    def receive(self, response: Response) -> None:
        """A response with our branch arrived."""
        if response.status < 200:
            self._provisional(response)
        elif self.state in (State.TRYING, State.PROCEEDING):
            self._final(response)
        elif self.state is State.ACCEPTED and response.status < 300:
            self._on_response(response)
        elif self.state is State.COMPLETED and self._invite:
            self._send(self._ack(response))

    def _provisional(self, response: Response) -> None:
        if self.state not in (State.TRYING, State.PROCEEDING):
            return
        self.state = State.PROCEEDING
        if self._invite:
            self._stop_sending()
            self._limit(None, lambda: None)
        else:
            self._repeat(self.request, self._timers.t2, self._timers.t2)
        self._on_response(response)

    def _final(self, response: Response) -> None:
        self._stop_sending()
        if not self._invite:
            self.state = State.COMPLETED
            self._limit(0 if self._timers.reliable else self._timers.t4, self.terminate)
        elif response.status < 300:
            self.state = State.ACCEPTED
            self._limit(self._timers.give_up, self.terminate)
        else:
            self.state = State.COMPLETED
            self._send(self._ack(response))
            self._limit(0 if self._timers.reliable else self._timers.give_up, self.terminate)
        self._on_response(response)

    def _timed_out(self) -> None:
        self.terminate()
        self._on_response(self.request.reply(408))

    def _ack(self, response: Response) -> Request:
        """The hop-by-hop ACK to a refusal (section 17.1.1.3)."""
        sent = self.request
        kept = [("Via", sent.all("Via")[0]), ("Max-Forwards", "70"), ("From", sent.get("From"))]
        kept += [("To", response.get("To")), ("Call-ID", sent.get("Call-ID"))]
        kept += [("CSeq", f"{sent.cseq[0]} ACK")]
        kept += [("Route", route) for route in sent.all("Route")]
        return Request(tuple(kept), method="ACK", uri=sent.uri)


class ServerTransaction(_Transaction):
    """A peer's request, and the last response we gave it."""

    def __init__(
        self, request: Request, source: Address, send: Callable[[Message], None], timers: Timers
    ) -> None:
        super().__init__(send, timers)
        self.request = request
        self.source = source
        self._last: Response | None = None
        self._invite = request.method == "INVITE"

    @property
    def answered(self) -> bool:
        """True once a final response was given."""
        return self.state not in (State.TRYING, State.PROCEEDING)

    def respond(self, response: Response) -> None:
        """Send a response; after a final one only retransmissions of it follow."""
        if self.answered:
            return
        self._last = response
        self._send(response)
        if response.status < 200:
            self.state = State.PROCEEDING
        elif not self._invite:
            self.state = State.COMPLETED
            self._limit(0 if self._timers.reliable else self._timers.give_up, self.terminate)
        elif response.status < 300:
            self.state = State.ACCEPTED
            self._limit(self._timers.give_up, self.terminate)
        else:
            self.state = State.COMPLETED
            self._repeat(response, self._timers.t1, self._timers.t2)
            self._limit(self._timers.give_up, self.terminate)

    def send_again(self, response: Response) -> None:
        """Send a 2xx to an INVITE once more; when, is the user agent's business."""
        self._send(response)

    def receive(self, request: Request) -> None:
        """The request again, or the ACK to our refusal."""
        if request.method == "ACK":
            if self.state is State.COMPLETED:
                self.state = State.CONFIRMED
                self._stop_sending()
                self._limit(0 if self._timers.reliable else self._timers.t4, self.terminate)
        elif self._last is not None and self.state in (State.PROCEEDING, State.COMPLETED):
            self._send(self._last)
