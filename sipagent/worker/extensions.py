"""Extensions: a call to a phone of our own goes to the edge, which knows where it is."""

from collections.abc import Mapping
from typing import Protocol

from sipagent.call.leg import USUAL, Leg, Terms
from sipagent.call.target import PHONES, normalise
from sipagent.config import DtmfMode
from sipagent.errors import LegFailed


class KeyedDialer(Protocol):
    """A `Dialer` that may be told how keys are sent."""

    async def dial(
        self,
        target: str,
        *,
        caller_id: str | None = None,
        headers: Mapping[str, str] | None = None,
        username: str | None = None,
        password: str | None = None,
        terms: Terms = USUAL,
        dtmf: DtmfMode | None = None,
    ) -> Leg:
        """As `Dialer.dial`; `dtmf` None is as the settings say."""
        ...


class PhoneDialer:
    """A Dialer over another one, which takes everything that is not an extension.

    `public_address` is the edge's (`host:port`): what it gets for an extension there, it forks to
    all the places the phone has registered. `extensions` says how keys are sent to each, where
    that is not as the settings say for all.
    """

    def __init__(
        self, inner: KeyedDialer, extensions: Mapping[str, DtmfMode | None], public_address: str
    ) -> None:
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
        terms: Terms = USUAL,
    ) -> Leg:
        """As `Dialer.dial`. Raises LegFailed: 404 for a phone that is not ours."""
        known = normalise(target, self._extensions)
        user, _, host = known.partition(":")[2].rpartition("@")
        dtmf = None
        if host == PHONES:
            if user not in self._extensions:
                raise LegFailed(404, f"there is no phone {user}")
            target, dtmf = f"sip:{user}@{self._public_address}", self._extensions[user]
        return await self._inner.dial(
            target,
            caller_id=caller_id,
            headers=headers,
            username=username,
            password=password,
            terms=terms,
            dtmf=dtmf,
        )
