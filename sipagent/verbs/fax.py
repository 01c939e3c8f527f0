"""Fax: verbs that scripts may name, and what they learn here: there is none."""

from typing import ClassVar

from pydantic import Field

from sipagent.call.control import CallControl
from sipagent.call.verb import Outcome, Verb

from .flow import remember
from .statuses import Status

_WHY = "faxes are not sent or received here: there is no T.38"


class _Fax(Verb):
    status_url: str | None = Field(default=None, description="told that it failed")

    async def run(self, control: CallControl) -> Outcome:
        """Fail in words; the plan goes on."""
        call = control.call
        about = {"control_id": call.posts.number("fax")}
        told = Status(call, self.status_url, "calling.call.fax", about)
        told.tell(fax={"type": "error", "params": {"reason": _WHY}})
        names = {f"{self.name}_result": "failed", f"{self.name}_result_text": _WHY}
        remember(call, **names)
        return Outcome(False, _WHY, status=501)


class ReceiveFaxVerb(_Fax):
    """Would take a fax; it fails in words."""

    name: ClassVar[str] = "receive_fax"


class SendFaxVerb(_Fax):
    """Would send a fax; it fails in words."""

    name: ClassVar[str] = "send_fax"
    document: str = Field(description="URL of a PDF")
    header_info: str | None = Field(default=None, description="text at the top of each page")
    identity: str | None = Field(default=None, description="the sender's number")


FAX: tuple[type[Verb], ...] = (ReceiveFaxVerb, SendFaxVerb)
