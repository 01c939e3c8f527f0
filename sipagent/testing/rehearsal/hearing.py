"""What the person at a rehearsed leg hears: whether somebody speaks to them, or music only."""

from collections.abc import Iterator

import numpy as np

from sipagent.media.frames import FRAME_MS, Frame
from sipagent.media.port import AudioPort
from sipagent.testing.bed.activity import Activity
from sipagent.testing.bridge import SimulatedBridge
from sipagent.testing.legs import FakeLeg

#: a frame whose peak is above this is heard
_LOUD = 200


#: ports of the call that play music and ringing; a beep is no music: it tells the caller to speak
_MUSIC = frozenset({"ringback", "music", "background", "room", "conference"})


class Listening:
    """When somebody spoke to the person on `leg`; times are ms on the media clock."""

    def __init__(self, bridge: SimulatedBridge, leg: FakeLeg) -> None:
        self.speech = Activity()
        self._bridge = bridge
        self._leg = leg
        leg.far.on_heard = self._hear

    def _hear(self, frame: Frame) -> None:
        loud = any(frame.pcm) and int(np.abs(np.frombuffer(frame.pcm, "<i2")).max()) > _LOUD
        self.speech.add(float(frame.t), loud and any(map(self._speaks, self._sources(frame.t))))

    def _sources(self, t: int) -> Iterator[object]:
        """Who may be heard in a frame: legs, and ports that played something."""
        for member in self._bridge.hears(self._leg):
            if not isinstance(member, AudioPort):
                yield member
            elif member.recent and member.recent[-1].t == t:
                yield member

    def _speaks(self, member: object) -> bool:
        return not (isinstance(member, AudioPort) and member.name in _MUSIC)

    def silent_for(self, now: int) -> float:
        """How long nobody has spoken, ms; infinite where nobody ever did."""
        return now - self.speech.last

    def speaking(self, now: int) -> bool:
        """Does somebody speak now?"""
        return now - self.speech.last <= 2 * FRAME_MS
