"""Threads: which SIP dialogs are one call, so that a capture server can show them together."""

from collections import OrderedDict

#: dialogs, and workers, that are remembered; older ones stand for themselves
_MOST = 20_000


class Threads:
    """A call is known by the Call-ID of its first dialog: the caller's, or the first we dialled."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._first: OrderedDict[str, bytes] = OrderedDict()
        self._dialogs: OrderedDict[bytes, bytes] = OrderedDict()

    def joins(self, call_id: bytes, token: str) -> None:
        """A dialog of the call that the worker `token` has."""
        first = self._first.setdefault(token, call_id)
        if first != call_id:
            self._dialogs[call_id] = first
        for known in (self._first, self._dialogs):
            while len(known) > self._most:
                known.popitem(last=False)

    def gone(self, token: str) -> None:
        """The worker has no call any more; what still comes of its dialogs belongs together yet."""
        self._first.pop(token, None)

    def of(self, call_id: bytes) -> bytes:
        """What the messages of a dialog are known by."""
        return self._dialogs.get(call_id, call_id)
