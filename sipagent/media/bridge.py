"""Bridge: who hears whom. The native conference and the simulated one stand behind it."""

from typing import Protocol

from .clock import MediaClock
from .port import AudioPort


class Bridge(Protocol):
    """A mixing matrix. Members are audio ports and legs; every sink hears the sum of its sources.

    A connection outlives a leg's media: it is made again after hold, re-INVITE or codec change.
    """

    @property
    def clock(self) -> MediaClock:
        """The call's media clock, ticked every 20 ms by whoever drives this bridge."""
        ...

    @property
    def rate(self) -> int:
        """Sample rate of every port, Hz."""
        ...

    def open_port(self, name: str) -> AudioPort:
        """A new member that is heard by nobody yet."""
        ...

    def close_port(self, port: AudioPort) -> None:
        """Disconnect the port from all and close it."""
        ...

    def connect(self, source: object, sink: object) -> None:
        """Let `sink` hear `source` from now on. Connecting twice is once."""
        ...

    def disconnect(self, source: object, sink: object) -> None:
        """Let `sink` no longer hear `source`; nothing if it did not."""
        ...


class Room:
    """The members of one conversation: each hears all the others; listeners only listen."""

    def __init__(self, bridge: Bridge) -> None:
        self.bridge = bridge
        self.members: list[object] = []
        self._listeners: dict[AudioPort, object] = {}

    def join(self, member: object) -> None:
        """Let `member` hear everyone and be heard by everyone; once."""
        if member in self.members:
            return
        for other in self.members:
            self.bridge.connect(other, member)
            self.bridge.connect(member, other)
        for listener, ears_of in self._listeners.items():
            if ears_of != member:
                self.bridge.connect(member, listener)
        self.members.append(member)

    def leave(self, member: object) -> None:
        """Part `member` from everyone; nothing if it was not here."""
        if member not in self.members:
            return
        self.members.remove(member)
        for other in (*self.members, *self._listeners):
            self.bridge.disconnect(member, other)
        for other in self.members:
            self.bridge.disconnect(other, member)

    def add_listener(self, port: AudioPort, *, ears_of: object) -> None:
        """Let `port` hear what the member `ears_of` hears, whoever comes and goes."""
        self._listeners[port] = ears_of
        for member in self.members:
            if member != ears_of:
                self.bridge.connect(member, port)

    def remove_listener(self, port: AudioPort) -> None:
        """Stop listening; nothing if it did not listen."""
        if self._listeners.pop(port, None) is not None:
            for member in self.members:
                self.bridge.disconnect(member, port)
