"""Doors: what a call asks of the gateway, and where its answers go."""

from dataclasses import dataclass
from typing import Self

from .lifeline import Lifeline
from .meetings import GatewayMeetings
from .protocol import Recalled, Told
from .remembering import GatewayMemory


@dataclass(frozen=True, slots=True)
class Doors:
    """The places of a call among others, and the memory of its caller."""

    meetings: GatewayMeetings
    memory: GatewayMemory

    @classmethod
    def at(cls, line: Lifeline) -> Self:
        """Those at the end of a line."""
        doors = cls(GatewayMeetings(line.send), GatewayMemory(line.send))
        line.on_return = doors.meetings.announce
        return doors

    def told(self, message: Told | Recalled) -> None:
        """The gateway answers, or has news."""
        match message:
            case Told():
                self.meetings.told(message)
            case Recalled():
                self.memory.told(message)
