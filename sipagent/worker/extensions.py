"""Extensions: a call to a phone of our own goes to the edge, which knows where it is."""

from collections.abc import Mapping
from dataclasses import replace

from sipagent.call.dial import Dial, Dialer, DtmfMode
from sipagent.call.leg import Leg
from sipagent.call.target import PHONES, normalise
from sipagent.errors import LegFailed


class PhoneDialer:
    """A Dialer over another one, which takes everything that is not an extension.

    `public_address` is the edge's (`host:port`): what it gets for an extension there, it forks to
    all the places the phone has registered. `extensions` says how keys are sent to each, where
    that is not as the settings say for all.
    """

    def __init__(
        self, inner: Dialer, extensions: Mapping[str, DtmfMode | None], public_address: str
    ) -> None:
        self._inner = inner
        self._extensions = extensions
        self._public_address = public_address

    async def dial(self, dial: Dial) -> Leg:
        """As `Dialer.dial`. Raises LegFailed: 404 for a phone that is not ours."""
        known = normalise(dial.target, self._extensions)
        user, _, host = known.partition(":")[2].rpartition("@")
        if host != PHONES:
            return await self._inner.dial(dial)
        if user not in self._extensions:
            raise LegFailed(404, f"there is no phone {user}")
        terms = replace(dial.terms, keys=self._extensions[user])
        target = f"sip:{user}@{self._public_address}"
        return await self._inner.dial(replace(dial, target=target, terms=terms))
