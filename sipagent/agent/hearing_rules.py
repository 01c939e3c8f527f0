"""Hearing: what the caller said, put right, and whether it is for the agent."""

from .conversation import Message
from .rewording import rewording
from .spec import AgentSpec
from .steering.hints import LiveHints
from .waking import Wakefulness


class HearingRules:
    """One a talk."""

    def __init__(self, spec: AgentSpec) -> None:
        self.wake = Wakefulness(spec.waking)
        self.hints = LiveHints()
        self._reworded = rewording(spec.reword)
        self._same_speaker = spec.barge_in.same_speaker

    def reworded(self, text: str) -> str:
        """Put right by the declared rules, then by those that functions brought."""
        return self.hints.reworded(self._reworded(text))

    def concerns(self, message: Message) -> bool:
        """Is it to be answered? What the mind has heard itself is: its words may come later."""
        if message.sounds and not message.text:
            return self.wake.awake
        return self.wake.hears(message.text, message.digits)

    def somebody_else(self, near: bool) -> bool:
        """Is a turn far fainter than the caller's no turn of the caller's?"""
        return self._same_speaker and not near
