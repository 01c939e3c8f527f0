"""Extensions: a call to a phone of our own goes to the edge, which knows where it is."""

from collections.abc import Collection, Mapping

from sipagent.call.leg import Dialer, Leg
from sipagent.call.target import PHONES, normalise
from sipagent.errors import LegFailed


class PhoneDialer:
    """A Dialer over another one, which takes everything that is not an extension.

    `public_address` is the edge's (`host:port`): what it gets for an extension there, it forks to
    all the places the phone has registered.
    """

    def __init__(self, inner: Dialer, extensions: Collection[str], public_address: str) -> None:
        self._inner = inner
        self._extensions = extensions
        self._public_address = public_address

    async def dial(
        self,
        target: str,
        *,
        caller_id: str | None = None,
        headers: Mapping[str, str] | None = None,
        username: str | None = None,
        password: str | None = None,
    ) -> Leg:
        """As `Dialer.dial`. Raises LegFailed: 404 for a phone that is not ours."""
        known = normalise(target, self._extensions)
        user, _, host = known.partition(":")[2].rpartition("@")
        if host == PHONES:
            if user not in self._extensions:
                raise LegFailed(404, f"there is no phone {user}")
            target = f"sip:{user}@{self._public_address}"
        return await self._inner.dial(
            target, caller_id=caller_id, headers=headers, username=username, password=password
        )
