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
    """The members of one conversation: each hears all the others; listeners only listen.

    Beside that stand the exceptions, each by itself, so that any of them can begin and end while
    the others last: who is not heard (`mute`), who is apart from all (`part`: on hold), and what
    one member alone hears (`whisper`).
    """

    def __init__(self, bridge: Bridge) -> None:
        self.bridge = bridge
        self.members: list[object] = []
        self._listeners: dict[AudioPort, object] = {}
        self._muted: set[object] = set()
        self._apart: set[object] = set()
        self._whispers: dict[AudioPort, object] = {}
        self._links: dict[tuple[object, object], None] = {}

    def join(self, member: object) -> None:
        """Let `member` hear everyone and be heard by everyone; once."""
        if member not in self.members:
            self.members.append(member)
            self._link()

    def leave(self, member: object) -> None:
        """Part `member` from everyone; nothing if it was not here."""
        if member in self.members:
            self.members.remove(member)
            self._link()

    def mute(self, member: object) -> None:
        """Let nobody hear `member`, whether it is here or comes later."""
        self._muted.add(member)
        self._link()

    def unmute(self, member: object) -> None:
        """Let `member` be heard again; nothing if it was not muted."""
        self._muted.discard(member)
        self._link()

    def part(self, member: object) -> None:
        """Put `member` on hold: it hears whispers only, and nobody here hears it."""
        self._apart.add(member)
        self._link()

    def reunite(self, member: object) -> None:
        """Take `member` back from hold; nothing if it was not."""
        self._apart.discard(member)
        self._link()

    def whisper(self, port: AudioPort, to: object) -> None:
        """Let the member `to` hear `port`, and nobody else but those who have its ears."""
        self._whispers[port] = to
        self._link()

    def stop_whisper(self, port: AudioPort) -> None:
        """End a whisper; nothing if it was none."""
        if self._whispers.pop(port, None) is not None:
            self._link()

    def add_listener(self, port: AudioPort, *, ears_of: object) -> None:
        """Let `port` hear what the member `ears_of` hears, whoever comes and goes."""
        self._listeners[port] = ears_of
        self._link()

    def remove_listener(self, port: AudioPort) -> None:
        """Stop listening; nothing if it did not listen."""
        if self._listeners.pop(port, None) is not None:
            self._link()

    def _heard_by(self, member: object) -> list[object]:
        whispers: list[object] = [port for port, to in self._whispers.items() if to is member]
        if member not in self.members or member in self._apart:
            return whispers
        silent = self._muted | self._apart | {member}
        return [*(other for other in self.members if other not in silent), *whispers]

    def _link(self) -> None:
        """Connect what is to be connected now, and nothing else."""
        sinks = [*self.members, *self._whispers.values()]
        ears = [(sink, sink) for sink in sinks] + list(self._listeners.items())
        wanted = {(source, sink): None for sink, of in ears for source in self._heard_by(of)}
        for source, sink in self._links.keys() - wanted.keys():
            self.bridge.disconnect(source, sink)
        for source, sink in wanted:
            if (source, sink) not in self._links:
                self.bridge.connect(source, sink)
        self._links = wanted
