"""Doors: what a call asks of the gateway, where its answers go, and what it asks of the call."""

from dataclasses import dataclass
from typing import Self

from .browsers import Browsers
from .browsing import BrowserLeft, BrowserOffered, Rang, ToWorker
from .commands import Commands
from .lifeline import Lifeline
from .meetings import GatewayMeetings
from .protocol import Command, Reached, Recalled, Revoke, Told
from .reaching import GatewayCalls
from .remembering import GatewayMemory

#: what a door is told
FromGateway = Told | Recalled | Reached | Command | Revoke | ToWorker


@dataclass(frozen=True, slots=True)
class Doors:
    """The places of a call among others, the memory of its caller, what others want of it, what
    it wants of them, and the browsers in it.
    """

    meetings: GatewayMeetings
    memory: GatewayMemory
    commands: Commands
    others: GatewayCalls
    browsers: Browsers

    @classmethod
    def at(cls, line: Lifeline) -> Self:
        """Those at the end of a line."""
        doors = cls(
            GatewayMeetings(line.send),
            GatewayMemory(line.send),
            Commands(line.send),
            GatewayCalls(line.send),
            Browsers(line.send),
        )
        line.on_return = doors.announce
        return doors

    def announce(self) -> None:
        """Say to a new gateway what the one before knew."""
        self.meetings.announce()
        self.browsers.announce()

    def told(self, message: FromGateway) -> None:
        """The gateway answers, has news, or a wish."""
        match message:
            case Told():
                self.meetings.told(message)
            case Recalled():
                self.memory.told(message)
            case Reached():
                self.others.told(message)
            case Command():
                self.commands.take(message)
            case Revoke():
                self.commands.revoke(message.id)
            case Rang() | BrowserOffered() | BrowserLeft():
                self.browsers.told(message)
