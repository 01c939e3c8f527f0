"""Codecs: the library has one list for all its legs; here is what is on it, and when."""

from collections.abc import Sequence
from typing import Any

from sipagent.config import Settings


class Codecs:
    """`usual` is spoken where a trunk does not say otherwise, best first; `incoming` by the leg
    that comes in.
    """

    def __init__(self, settings: Settings) -> None:
        self.usual: tuple[str, ...] = settings.media.codecs
        self.incoming: tuple[str, ...] = self.usual
        known = [self.usual, *(trunk.codecs for trunk in settings.trunks.values())]
        self._all = tuple(dict.fromkeys(codec for some in known for codec in some))
        self._enabled: tuple[str, ...] = ()

    def narrow(self, native: Any) -> None:
        """Have the library answer the first INVITE as `incoming` says: its leg cannot yet."""
        self._enable(native, self.incoming)

    def widen(self, native: Any) -> None:
        """From now on each leg says itself which codecs it speaks: the library knows them all."""
        self._enable(native, self._all)

    def _enable(self, native: Any, wanted: Sequence[str]) -> None:
        """Speak these codecs, in their order, and no other, without concealment: what the agent
        hears of a lost packet is silence, and a call costs 5 ms less delay.
        """
        if tuple(wanted) == self._enabled:
            return
        self._enabled = tuple(wanted)
        for codec in native.codecEnum2():
            name = str(codec.codecId).partition("/")[0]
            priority = 255 - wanted.index(name) if name in wanted else 0
            native.codecSetPriority(codec.codecId, priority)
            if priority:
                parameters = native.codecGetParam(codec.codecId)
                parameters.setting.plc = parameters.setting.vad = False
                native.codecSetParam(codec.codecId, parameters)
