"""Lifeline: a worker's connection to whichever gateway there is, and what waits to be heard."""

import asyncio
import os
from collections import deque
from collections.abc import AsyncIterator, Callable

import structlog

from sipagent.events import CallEnded, Event
from sipagent.store.ahead import write_events

from .channel import Channel, ChannelError
from .home import Address, Home
from .protocol import (
    DOWN,
    Assign,
    Assignment,
    Claimed,
    Down,
    Finished,
    Happened,
    Heard,
    Ready,
    Returned,
    Up,
)

log = structlog.get_logger(__name__)

CONNECT_SECONDS = 2.0
#: between looks for a gateway that is back
_KNOCK_SECONDS = 0.1
#: events kept until a gateway has heard them; above, the newest go, but for the last of a call
_UNHEARD = 5_000
#: how long the gateway may take to hear our last words, seconds
_PARTING = 1.0

WorkerChannel = Channel[Up, Down]


class Lifeline:
    """A worker that has no call ends with its gateway. One in a call outlives it: it looks for
    the next one for `patience` seconds and tells it what it has not told yet.
    """

    def __init__(self, home: Home, token: str, address: Address, *, patience: float) -> None:
        self._home = home
        self._token = token
        self._address = address
        self._patience = patience
        self._channel: WorkerChannel | None = None
        self._assignment: Assignment | None = None
        self._claimed = False
        self._parting = False
        #: called when another gateway is there, and knows who we are
        self.on_return: Callable[[], None] = lambda: None
        self._unheard: deque[Happened] = deque()
        self._told = 0
        #: loop time of the loss of the gateway, None while there is one
        self._lost: float | None = None

    async def connect(self) -> None:
        """Report as ready for a call. Raises OSError when the gateway does not listen."""
        channel = await self._open()
        host, port = self._address
        channel.send(Ready(token=self._token, pid=os.getpid(), host=host, port=port))

    async def messages(self) -> AsyncIterator[Down]:
        """What gateways say, until there is none any more."""
        while self._channel is not None:
            try:
                async for message in self._channel:
                    self._lost = None
                    if isinstance(message, Heard):
                        self._heard(message.n)
                        continue
                    if isinstance(message, Assign):
                        self._assignment = message.assignment
                    yield message
            except ChannelError as error:
                log.error("channel_broken", error=str(error))
            self._channel.close()
            if self._assignment is None or self._parting or not await self._return():
                return

    def send(self, message: Up) -> None:
        """Say something that matters to the gateway of now only."""
        if self._channel is not None:
            self._channel.send(message)

    def claimed(self) -> None:
        """The call has arrived."""
        self._claimed = True
        self.send(Claimed())

    def happened(self, event: Event) -> None:
        """Put an event on record, whoever keeps the records."""
        if len(self._unheard) >= _UNHEARD and not isinstance(event, CallEnded):
            log.warning("event_dropped", type=event.type)
            return
        self._told += 1
        # Made, not validated: an event is one already, and asking a process for the first time
        # which of fifty classes it is costs every worker two milliseconds.
        told = Happened.model_construct(event=event, n=self._told)
        self._unheard.append(told)
        self.send(told)

    async def part(self, listening: "asyncio.Task[None]") -> None:
        """Nothing more will be said. What no gateway hears goes to a file for the next one."""
        self._parting = True
        self.send(Finished())
        # The gateway closes the channel when it has read this. Were we gone before, with a ping
        # of its own unread, the kernel would reset the socket and our last events be lost.
        await asyncio.wait({listening}, timeout=_PARTING)
        if self._unheard:
            path = self._home.last_words(self._token)
            try:
                write_events(path, [told.event for told in self._unheard])
            except OSError as error:
                log.critical("events_lost", cause=str(error), count=len(self._unheard))

    async def _open(self) -> WorkerChannel:
        with self._home.socket() as path:
            async with asyncio.timeout(CONNECT_SECONDS):
                reader, writer = await asyncio.open_unix_connection(path)
        self._channel = WorkerChannel(reader, writer, DOWN)
        return self._channel

    async def _return(self) -> bool:
        """Look for a gateway. False when none came in time."""
        loop = asyncio.get_running_loop()
        if self._lost is None:
            self._lost = loop.time()
            log.warning("gateway_lost", token=self._token)
        while loop.time() < self._lost + self._patience and not self._parting:
            await asyncio.sleep(_KNOCK_SECONDS)
            try:
                channel = await self._open()
            except OSError:  # TimeoutError is one
                continue
            channel.send(self._returned())
            for told in self._unheard:
                channel.send(told)
            self.on_return()
            return True
        return False

    def _returned(self) -> Returned:
        assert self._assignment is not None
        host, port = self._address
        return Returned(
            token=self._token,
            proof=self._home.proof(self._token),
            pid=os.getpid(),
            host=host,
            port=port,
            edge=self._home.edge,
            assignment=self._assignment,
            claimed=self._claimed,
        )

    def _heard(self, n: int) -> None:
        while self._unheard and self._unheard[0].n <= n:
            self._unheard.popleft()
