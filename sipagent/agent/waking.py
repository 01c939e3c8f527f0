"""Waking: an agent that is silent until it is called by its name. Pure."""

from pydantic import Field

from .lexicon.words import plain
from .parts import Part


class WakingSpec(Part):
    """When the agent keeps out of the talk."""

    name: str = Field(default="computer", min_length=1, description="what it is called by")
    prefix: str = Field(default="", description="said before its name: hey")
    start_paused: bool = Field(default=False, description="silent until it is called")
    enable_pause: bool = Field(
        default=False, description="its mind may fall silent until it is called"
    )
    speak_when_spoken_to: bool = Field(
        default=False, description="answers only what its name was said in"
    )

    @property
    def may_pause(self) -> bool:
        """Is there a way to fall silent?"""
        return (self.enable_pause or self.start_paused) and not self.speak_when_spoken_to

    @property
    def silent_at_first(self) -> bool:
        """Does it wait to be called before its mind says anything?"""
        return self.start_paused or self.speak_when_spoken_to


class Wakefulness:
    """One a talk. `awake` is False from `pause` until the name was said."""

    def __init__(self, spec: WakingSpec) -> None:
        self._spec = spec
        self._called = plain(f"{spec.prefix} {spec.name}")
        self.awake = not spec.start_paused or spec.speak_when_spoken_to

    def pause(self) -> None:
        """Keep out of the talk from now on."""
        self.awake = False

    def hears(self, text: str, digits: str = "") -> bool:
        """Is this, said or typed by the caller, to be answered?"""
        if f" {self._called} " in f" {plain(text)} ":
            self.awake = True
            return True
        if digits and self.awake:
            return True
        return self.awake and not self._spec.speak_when_spoken_to
