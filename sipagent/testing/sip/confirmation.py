"""Confirmation: a 2xx to INVITE is sent again until its ACK comes (RFC 3261 section 13.3.1.4)."""

import asyncio
from collections.abc import Callable

from .message import Request, Response
from .transaction import Timers


class Confirmation:
    """Runs from the moment a 2xx was sent. Over TCP too, as the section says."""

    def __init__(
        self,
        cseq: int,
        response: Response,
        timers: Timers,
        send: Callable[[Response], None],
    ) -> None:
        self._cseq = cseq
        self._response = response
        self._timers = timers
        self._send = send
        self._elapsed = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._on_ack: Callable[[Request], None] = lambda _: None
        self._on_timeout: Callable[[], object] = lambda: None

    @property
    def waiting(self) -> bool:
        """True until the ACK came or patience ended."""
        return self._timer is not None

    def start(self, on_ack: Callable[[Request], None], on_timeout: Callable[[], object]) -> None:
        """Wait for the ACK from now on."""
        self._on_ack = on_ack
        self._on_timeout = on_timeout
        self._schedule(self._timers.t1)

    def acknowledged(self, ack: Request) -> None:
        """An ACK arrived in the dialog; only the first of our CSeq counts."""
        if self.waiting and ack.cseq[0] == self._cseq:
            self.stop()
            self._on_ack(ack)

    def stop(self) -> None:
        """Wait no longer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _schedule(self, interval: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(interval, self._again, interval)

    def _again(self, interval: float) -> None:
        self._timer = None
        self._elapsed += interval
        if self._elapsed >= self._timers.give_up:
            self._on_timeout()
            return
        self._send(self._response)
        self._schedule(min(2 * interval, self._timers.t2))
