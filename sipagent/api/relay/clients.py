"""Clients of RELAY: who is connected, in which contexts, and what waits for them."""

import asyncio
import itertools
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from sipagent.config import RelayProject

from . import frames

#: frames that wait for a client that is slow, or away for a while; above, the oldest are lost
_WAITING = 1000
#: seconds a client has to answer an event that something waits for, and to act on it
_UNANSWERED, _BREATH = 2.0, 0.25
#: contexts of one client
_CONTEXTS = 100


class Client:
    """One session of a client: it outlives a lost connection by the server's grace."""

    def __init__(self, name: str, project: RelayProject) -> None:
        self.project_name = name
        #: the address it connected from last
        self.origin = ""
        self.project = project
        self.protocol = frames.protocol_name()
        self.contexts: frozenset[str] = frozenset()
        self.connected = False
        #: how often it was lost
        self.losses = 0
        self._frames: deque[str] = deque(maxlen=_WAITING)
        self._news = asyncio.Event()
        self._awaited: dict[str, tuple[Callable[[], None], asyncio.TimerHandle]] = {}

    def send(self, frame: str) -> None:
        """Queue a frame; returns at once."""
        self._frames.append(frame)
        self._news.set()

    def tell(self, kind: str, params: Mapping[str, Any], timestamp: float) -> str:
        """Queue an event; returns its number."""
        event = {
            "event_type": kind,
            "event_channel": self.protocol,
            "timestamp": timestamp,
            "project_id": self.project_name,
            "space_id": "",
            "params": params,
        }
        number = str(uuid.uuid4())
        self.send(frames.call("signalwire.event", event, number))
        return number

    def after(self, number: str, do: Callable[[], None]) -> None:
        """Do something once the client has had an event and could act on it, or says nothing."""
        loop = asyncio.get_running_loop()
        self._awaited[number] = (do, loop.call_later(_UNANSWERED, self.answered, number))

    def answered(self, number: str) -> None:
        """The client has had an event."""
        if (found := self._awaited.pop(number, None)) is not None:
            do, timer = found
            timer.cancel()
            asyncio.get_running_loop().call_later(_BREATH, do)

    async def next(self) -> str:
        """The next frame to send; it stays queued until `sent`."""
        while not self._frames:
            self._news.clear()
            await self._news.wait()
        return self._frames[0]

    def sent(self, frame: str) -> None:
        """It is on its way."""
        if self._frames and self._frames[0] is frame:
            self._frames.popleft()

    def receive(self, contexts: frozenset[str]) -> frozenset[str]:
        """Listen in more contexts; returns those it may not have."""
        may = frozenset(filter(self.project.receives, contexts))
        self.contexts = frozenset(itertools.islice(self.contexts | may, _CONTEXTS))
        return contexts - may


class Clients:
    """All sessions. Calls of a context go to its clients in turn."""

    def __init__(self) -> None:
        self._by_protocol: dict[str, Client] = {}
        self._turns: dict[str, int] = {}

    def add(self, client: Client) -> None:
        """A new session."""
        self._by_protocol[client.protocol] = client

    def remove(self, client: Client) -> None:
        """It does not come back."""
        self._by_protocol.pop(client.protocol, None)

    def resumed(self, protocol: str, project: str) -> Client | None:
        """The session a client comes back to, if it is its own and there still."""
        client = self._by_protocol.get(protocol)
        return client if client is not None and client.project_name == project else None

    def listening(self, context: str) -> list[Client]:
        """Those that may be offered a call of a context, the one whose turn it is first."""
        found = [
            client
            for client in self._by_protocol.values()
            if client.connected and context in client.contexts
        ]
        if not found:
            return []
        turn = self._turns.get(context, 0) % len(found)
        if len(self._turns) > _CONTEXTS * 10:
            self._turns.clear()
        self._turns[context] = turn + 1
        return [*found[turn:], *found[:turn]]
