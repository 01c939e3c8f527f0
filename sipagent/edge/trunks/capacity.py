"""Capacity: how many calls a trunk carries at once, and how many begin in a second."""

from collections.abc import Callable

from sipagent.config import Trunk
from sipagent.edge.dialogs import Dialogs
from sipagent.edge.guard import TokenBucket
from sipagent.edge.message import Message, header
from sipagent.edge.transactions import OPEN, Incoming, Outgoing, State

_Key = tuple[bytes, bytes]


class Capacity:
    """Counts INVITEs and the dialogs they became; what has ended is found when it matters."""

    def __init__(self, trunk: Trunk, dialogs: Dialogs, now: Callable[[], float]) -> None:
        self.limit = trunk.calls
        self._dialogs = dialogs
        self._calls: dict[_Key, Incoming | Outgoing] = {}
        rate = trunk.calls_per_second
        self._rate = None if rate is None else TokenBucket(rate, now)

    @property
    def live(self) -> int:
        """Calls under way or being set up."""
        self._calls = {key: call for key, call in self._calls.items() if self._lives(call)}
        return len(self._calls)

    def refusal(self, invite: Message) -> str:
        """Why this INVITE is one too many, or nothing. One that says it again with credentials
        is still the same call.
        """
        if _key(invite) in self._calls:
            return ""
        if self.limit is not None and len(self._calls) >= self.limit and self.live >= self.limit:
            return f"all {self.limit} lines are busy"
        again = invite.get(b"proxy-authorization") or invite.get(b"authorization")
        if self._rate is not None and not again and not self._rate.take():
            return "too many calls a second"
        return ""

    def enter(self, call: Incoming | Outgoing) -> None:
        """A call begins."""
        if len(self._calls) > 1_000:
            _ = self.live  # where nothing limits them, somebody must forget them
        self._calls[_key(call.request)] = call

    def resume(self, call_id: bytes, tag: bytes, token: str) -> None:
        """A call of the process before us, for as long as it has a dialog."""
        known = [header(b"Call-ID", call_id), header(b"From", b"<sip:x@x>;tag=" + tag)]
        call = Outgoing(branch=b"", request=Message(b"", known), token=token)
        call.state = State.ACCEPTED
        self._calls[call_id, tag] = call

    def take_over(self, other: "Capacity") -> None:
        """Count what another counted, whose trunk has other settings now."""
        self._calls |= other._calls

    def _lives(self, call: Incoming | Outgoing) -> bool:
        orphan = isinstance(call, Outgoing) and call.orphan
        if call.state in OPEN:
            return not orphan
        return call.token is not None and self._dialogs.holds(call.token, call.request.call_id)


def _key(invite: Message) -> _Key:
    return invite.call_id, invite.from_.tag
