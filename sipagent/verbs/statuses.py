"""Statuses: what a verb tells its `status_url`, in the form of SignalWire's calling events."""

from dataclasses import dataclass, field
from typing import Any

from sipagent.call.identity import swml_id
from sipagent.call.posts import PostMethod
from sipagent.call.session import CallSession


@dataclass(frozen=True, slots=True)
class Status:
    """Reports of one verb: `kind` is the event (`calling.call.play`), `about` stands in every one.

    Without a `url` nobody is told.
    """

    call: CallSession
    url: str | None
    kind: str
    about: dict[str, Any] = field(default_factory=dict)
    method: PostMethod = "POST"

    def tell(self, **params: Any) -> None:
        """Post one event; returns at once."""
        if self.url:
            body = event(self.call, self.kind, **self.about, **params)
            self.call.posts.send(self.url, body, method=self.method)


def event(call: CallSession, kind: str, **params: Any) -> dict[str, Any]:
    """An event as SignalWire's servers post them; there are no projects, spaces and nodes here."""
    return {
        "event_type": kind,
        "event_channel": f"swml:{swml_id(call)}",
        "timestamp": call.services.now().timestamp(),
        "project_id": "",
        "space_id": "",
        "params": {"call_id": swml_id(call), "node_id": "", "segment_id": swml_id(call), **params},
    }
