"""Utterances: what the caller says, kept so that another session can hear it too."""

from collections.abc import Awaitable, Callable, Iterable, Mapping

from sipagent.media.frames import Frame

from .mirror import Mirror
from .sounds import CallerSound

#: whose sound is kept, and those that may still be put into words
_KEPT, _NAMED = 4, 32


class Utterances:
    """One is spoken at a time. `live`: a session that is open hears it as it is spoken; what none
    has heard from its first frame on is played to one later.
    """

    def __init__(self, *, live: bool) -> None:
        self._live = live
        self._sounds: dict[str, CallerSound] = {}
        #: what is being said, and who hears it
        self._hearing: tuple[CallerSound, Mirror] | None = None

    @property
    def sounds(self) -> Mapping[str, CallerSound]:
        """The newest, by their names."""
        return self._sounds

    def begin(self, name: str, early: Callable[[CallerSound], Awaitable[str]]) -> CallerSound:
        """The caller begins to speak."""
        sound = self._sounds[name] = CallerSound(name, early)
        names = list(self._sounds)
        for old in names[:-_KEPT]:
            self._sounds[old].frames.clear()
        for old in names[:-_NAMED]:
            del self._sounds[old]
        return sound

    def hear(self, sound: CallerSound, frame: Frame, session: Mirror | None) -> None:
        """More of it; `session` is the one that is open."""
        if not sound.frames and self._live and session is not None:
            session.give()
            session.listening = True
            self._hearing = (sound, session)
        sound.frames.append(frame)
        if mirror := self._heard_by(sound, session):
            mirror.model.hear(frame.pcm)

    def commit(self, sound: CallerSound, session: Mirror | None) -> None:
        """It is whole."""
        if mirror := self._heard_by(sound, session):
            sound.heard = True
            mirror.heard(sound.name)
        self._over()

    def forget(self, sound: CallerSound, session: Mirror | None) -> None:
        """It is nothing."""
        self._sounds.pop(sound.name, None)
        if mirror := self._heard_by(sound, session):
            mirror.model.forget()
        self._over()

    def answered(self, names: Iterable[str]) -> None:
        """No other session has to hear these."""
        for name in names:
            if sound := self._sounds.get(name):
                sound.frames.clear()

    def _over(self) -> None:
        if self._hearing is not None:
            self._hearing[1].listening = False
        self._hearing = None

    def _heard_by(self, sound: CallerSound, session: Mirror | None) -> Mirror | None:
        if self._hearing is None or self._hearing[0] is not sound:
            return None
        return self._hearing[1] if self._hearing[1] is session else None
