"""Redirects: where else a callee says to call (3xx), as far as policy permits (RFC 3261 8.1.3)."""

from collections import deque
from collections.abc import Callable, Sequence

from sipagent.call.target import normalise
from sipagent.errors import CallError, LegFailed

#: places one search for a callee is sent on to, in all
MOST = 5

#: may the call go there? The answer is put on record.
Permits = Callable[[str], bool]


class Moved(LegFailed):
    """The callee is elsewhere: at `targets`, best first."""

    def __init__(self, status: int, targets: Sequence[str]) -> None:
        super().__init__(status, "moved")
        self.targets = targets


class Trail:
    """Where one callee was looked for, and where to look next."""

    def __init__(self, start: str, permits: Permits | None) -> None:
        self.here = start
        self._permits = permits
        self._seen = {_known(start), ""}
        self._next: deque[str] = deque()
        self._followed = 0

    def go_on(self, failed: LegFailed) -> LegFailed | None:
        """Move `here` to the next place; or return the failure that is left to tell."""
        refusal: LegFailed | None = None
        if isinstance(failed, Moved):
            refusal = self._learn(failed)
        elif failed.status >= 600:
            return failed  # nobody anywhere else wants the call (section 21.6)
        if not self._next:
            return refusal or failed
        if self._followed >= MOST:
            return LegFailed(failed.status, f"was redirected more than {MOST} times")
        self._followed += 1
        self.here = self._next.popleft()
        return None

    def _learn(self, moved: Moved) -> LegFailed:
        """Take its targets in, before those that wait; and say what is wrong with the others."""
        wrong = "was redirected to nowhere"
        permitted = []
        for target in (target.partition("?")[0] for target in moved.targets):
            known = _known(target)
            if known in self._seen:
                wrong = f"was redirected in a loop to {known}" if known else wrong
                continue
            self._seen.add(known)
            if self._permits is not None and self._permits(target):
                permitted.append(target)
            else:
                wrong = f"was redirected to {known}, which is not an allowed destination"
        self._next.extendleft(reversed(permitted))
        return LegFailed(moved.status, wrong)


def _known(target: str) -> str:
    """As policy names it; empty for what is no target at all, which is nowhere to go."""
    try:
        return normalise(target)
    except CallError:
        return ""
