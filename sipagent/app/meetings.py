"""Meetings: workers' wishes to meet other calls, taken to whoever has the places."""

from sipagent.call.meeting import Notice
from sipagent.config import Settings
from sipagent.meeting.desk import Before, Desk, MeetingDesk
from sipagent.meeting.keeper import MixerKeeper
from sipagent.worker.handle import WorkerHandle
from sipagent.worker.protocol import Asked, Left, Reported, Told

from .node import Alone, Node


class Meetings:
    """The gateway's door to a desk."""

    def __init__(self, settings: Settings, node: Node | Alone) -> None:
        """The calls of this server meet in its own mixer; what `node` makes of the desk knows the
        others' calls, too.
        """
        mixer = MixerKeeper(settings.state_folder / "mixer.sock")
        #: what is held here
        self.desk = MeetingDesk(mixer, settings.queues, settings.parking)
        self._desk: Desk = node.meetings(self.desk)

    def said(self, worker: WorkerHandle, message: Asked | Reported | Left) -> None:
        """A worker wishes for a place, has news of one, or gives it back."""
        match message:
            case Asked():

                def tell(notice: Notice) -> None:
                    worker.send(Told(place=message.place, notice=notice))

                before = Before(message.seconds, message.room) if message.again else None
                self._desk.asked(worker.token, message.place, message.wish, tell, before=before)
            case Reported():
                self._desk.reported(worker.token, message.place, message.answered)
            case Left():
                self._desk.left(worker.token, message.place)

    def gone(self, worker: WorkerHandle) -> None:
        """Nothing of its call stays."""
        self._desk.gone(worker.token)

    async def leave(self) -> None:
        """Calls go on meeting without us. Idempotent."""
        await self._desk.leave()

    async def close(self) -> None:
        """End the mixer. Idempotent."""
        await self._desk.close()
