"""What the callbacks of a conference are told, as one caller in it knows it."""

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator

from sipagent.call.meeting import Company
from sipagent.call.session import CallSession
from sipagent.media.recording import Recording

from .statuses import Status

if TYPE_CHECKING:
    from .rooms import JoinConferenceVerb

_STATUS = {
    "start": "conference-start",
    "end": "conference-end",
    "join": "participant-join",
    "leave": "participant-leave",
}

#: one word, several with spaces between them, or a list
Words = Annotated[
    tuple[str, ...], BeforeValidator(lambda v: tuple(v.split()) if isinstance(v, str) else v)
]


class ConferenceReport:
    """Every caller's own coming and going is told by the call that came and went; its beginning
    and end by the first to come and the last to go.
    """

    def __init__(self, verb: "JoinConferenceVerb", call: CallSession) -> None:
        self._verb = verb
        about = {"name": verb.conference, "conference_id": verb.conference}
        self._status = Status(
            call, verb.status_callback, "calling.conference", about, verb.status_callback_method
        )
        self._records = Status(
            call,
            verb.recording_status_callback,
            "calling.conference.record",
            about,
            verb.recording_status_callback_method,
        )
        self._members = 0

    def joined(self, members: int) -> None:
        """This caller is in it, one of so many."""
        self._members = members
        if members <= 1:
            self._tell("start")
        self._tell("join", size=members, muted=self._verb.muted)

    def company(self, notice: Company) -> None:
        """Another came or went."""
        self._members = notice.members

    def left(self, why: str) -> None:
        """This caller is out of it, if ever they were in."""
        if not self._members:
            return
        self._tell("leave", size=self._members - 1, reason=why)
        if self._members <= 1 or self._verb.end_on_exit:
            self._tell("end", reason=why)
        self._members = 0

    def recording(self, state: str, **facts: Any) -> None:
        """How the recording fares: in-progress, completed or absent."""
        if state in self._verb.recording_status_callback_event:
            self._records.tell(state=state, **facts)

    def recorded(self, done: Recording) -> None:
        """The file is finished."""
        url = done.path.resolve().as_uri()
        self.recording("completed", url=url, duration=done.duration_ms / 1000)

    def _tell(self, event: str, **facts: Any) -> None:
        if event in self._verb.status_callback_event:
            self._status.tell(status=_STATUS[event], **facts)
