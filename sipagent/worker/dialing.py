"""Which way out: numbers through the trunk whose prefix fits best, SIP URIs as they are."""

from collections.abc import Mapping

from sipagent.call.leg import Dialer, Leg
from sipagent.call.target import normalise
from sipagent.config import Trunk
from sipagent.errors import LegFailed


class TrunkDialer:
    """A Dialer over another one that knows only SIP URIs."""

    def __init__(self, inner: Dialer, trunks: Mapping[str, Trunk]) -> None:
        self._inner = inner
        self._trunks = trunks

    async def dial(
        self,
        target: str,
        *,
        caller_id: str | None = None,
        headers: Mapping[str, str] | None = None,
        username: str | None = None,
        password: str | None = None,
    ) -> Leg:
        """As `Dialer.dial`. Raises LegFailed: 404 for a number no trunk takes."""
        known = normalise(target)
        if known.startswith("tel:"):
            trunk = self._trunk_for(known[4:])
            known = f"sip:{known[4:]}@{trunk.host}:{trunk.port}"
            if trunk.transport != "udp":
                known += f";transport={trunk.transport}"
            caller_id = caller_id or trunk.caller_id
            if username is None and trunk.username and trunk.password:
                username, password = trunk.username, trunk.password.get_secret_value()
        return await self._inner.dial(
            known, caller_id=caller_id, headers=headers, username=username, password=password
        )

    def _trunk_for(self, number: str) -> Trunk:
        fits = [
            (len(prefix), trunk)
            for trunk in self._trunks.values()
            for prefix in (trunk.prefixes or ("",))
            if number.startswith(prefix)
        ]
        if not fits:
            raise LegFailed(404, f"no trunk takes {number}")
        return max(fits, key=lambda fit: fit[0])[1]
