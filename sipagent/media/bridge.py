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
    the others last: who is not heard (`mute`), who is apart from all (`part`: on hold), what one
    member alone hears (`whisper`), and who says what nobody may keep (`shield`).
    """

    def __init__(self, bridge: Bridge) -> None:
        self.bridge = bridge
        self.members: list[object] = []
        self._listeners: dict[AudioPort, object] = {}
        self._overhearing: dict[AudioPort, object] = {}
        #: heard in the place of those who are shielded: it never says anything
        self._hushed: dict[object, AudioPort] = {}
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

    def overhear(self, port: AudioPort, *, mouth_of: object) -> None:
        """Let `port` hear what `mouth_of` says, whether the others hear it or not."""
        self._overhearing[port] = mouth_of
        self._link()

    def remove_listener(self, port: AudioPort) -> None:
        """Stop listening or overhearing; nothing if it did neither."""
        found = [heard.pop(port, None) for heard in (self._listeners, self._overhearing)]
        if found != [None, None]:
            self._link()

    def shield(self, member: object) -> None:
        """Let everybody, whoever overhears included, hear silence in the place of `member`."""
        if member not in self._hushed:
            self._hushed[member] = self.bridge.open_port("hush")
            self._link()

    def unshield(self, member: object) -> None:
        """Let `member` be heard again; nothing if it was not shielded."""
        hush = self._hushed.pop(member, None)
        if hush is not None:
            self._link()
            self.bridge.close_port(hush)

    def shielded(self, member: object) -> bool:
        """True between `shield` and `unshield`."""
        return member in self._hushed

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
        heard = [(source, sink) for sink, of in ears for source in self._heard_by(of)]
        heard += [(of, port) for port, of in self._overhearing.items()]
        wanted = {(self._hushed.get(source, source), sink): None for source, sink in heard}
        for source, sink in self._links.keys() - wanted.keys():
            self.bridge.disconnect(source, sink)
        for source, sink in wanted:
            if (source, sink) not in self._links:
                self.bridge.connect(source, sink)
        self._links = wanted
