"""A lease book in memory, by the loop's clock, that can be away or slow."""

import asyncio

from sipagent.store.leases import Held, LeasesAway


class FakeLeaseBook:
    """What `LeaseBook` is, for as many nodes as share it. While it is `away` it answers nobody;
    what it does takes `seconds`, half of them before and half of them after it is done.
    """

    def __init__(self) -> None:
        self.away = False
        self.seconds = 0.0
        self._rows: dict[str, tuple[str, float, int]] = {}

    async def take(self, name: str, holder: str, seconds: float) -> Held:
        """See `LeaseBook`."""
        await self._reach()
        now = _now()
        known, until, term = self._rows.get(name, ("", 0.0, 0))
        if until <= now or known == holder:
            term += not (known == holder and until > now)
            known, until = holder, now + seconds
            self._rows[name] = (known, until, term)
        await self._reach()
        return Held(known, until - now, term)

    async def release(self, name: str, holder: str) -> None:
        """See `LeaseBook`."""
        await self._reach()
        known, _, term = self._rows.get(name, ("", 0.0, 0))
        if known == holder:
            self._rows[name] = (known, 0.0, term)

    async def close(self) -> None:
        """See `LeaseBook`."""

    async def _reach(self) -> None:
        await asyncio.sleep(self.seconds / 2)
        if self.away:
            raise LeasesAway("the database does not answer: it is away")


def _now() -> float:
    return asyncio.get_running_loop().time()
