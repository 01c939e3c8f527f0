"""Which way out: numbers through the trunk whose prefix fits best, SIP URIs as they are."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

import structlog

from sipagent.call.dial import Dial, Dialer, Srtp, Terms
from sipagent.call.leg import Leg, LegState
from sipagent.call.target import routable
from sipagent.config import Trunk
from sipagent.errors import LegFailed

from .presenting import present

log = structlog.get_logger(__name__)

#: tells the edge by which trunk an INVITE is to leave; it goes no further
TRUNK_HEADER = "X-Sipagent-Trunk"
#: what says that this trunk cannot, rather than that the callee does not want to
NEXT_TRUNK = frozenset({401, 407, 408, *range(500, 600)})


class TrunkDialer:
    """A Dialer over another one that knows only SIP URIs.

    Where several trunks take a number, the next one is tried when one is down, full, silent or
    answers 5xx before it rang: `dial` then returns once a trunk has begun to ring or has refused
    for good, or has not decided within `patience` seconds. `inherited` are the headers of the
    caller's INVITE, `srtp` is how media is encrypted where a trunk does not say otherwise.
    """

    def __init__(
        self,
        inner: Dialer,
        trunks: Mapping[str, Trunk],
        inherited: Mapping[str, str] | None = None,
        *,
        patience: float = 15.0,
        srtp: Srtp | None = None,
    ) -> None:
        self._patience = patience
        self._srtp = srtp
        self._inner = inner
        self._trunks = trunks
        self._inherited = inherited or {}

    async def dial(self, dial: Dial) -> Leg:
        """As `Dialer.dial`. Raises LegFailed: 404 for a number no trunk takes."""
        known = routable(dial.target)
        said = {n: v for n, v in dial.headers.items() if n.lower() != TRUNK_HEADER.lower()}
        wish = replace(dial, target=known, headers=said)
        if not known.startswith("tel:"):
            return await self._inner.dial(replace(wish, terms=_allowed(wish.terms, self._srtp)))
        number = known[4:]
        *first, last = takers(self._trunks, number)
        for name in first:
            leg = await self._by(name, number, wish)
            if await _decided(leg, self._patience):
                return leg
            log.info("next_trunk", after=name, status=leg.status)
        return await self._by(last, number, wish)

    async def _by(self, name: str, number: str, wish: Dial) -> Leg:
        """Dial by one trunk."""
        trunk = self._trunks[name]
        shown = present(trunk, wish.caller_id, self._inherited)
        own = wish.credentials
        if own is None and trunk.username and trunk.password:
            user = trunk.auth_username or trunk.username
            own = user, trunk.password.get_secret_value()
        asked = _allowed(wish.terms, trunk.srtp or self._srtp)
        ours = Dial(
            uri_at(trunk, number),
            shown.from_,
            {**shown.headers, **wish.headers, TRUNK_HEADER: name},
            own,
            Terms(asked.codecs or trunk.codecs, asked.encryption or trunk.srtp, trunk.dtmf),
        )
        return await self._inner.dial(ours)


def _allowed(terms: Terms, usual: Srtp | None) -> Terms:
    """A plan may ask for more encryption than usual, and for less only where it is not required."""
    if terms.encryption == "off" and usual == "required":
        return replace(terms, encryption=None)
    return terms


def takers(trunks: Mapping[str, Trunk], number: str) -> Sequence[str]:
    """Trunks that take a number: the longest prefix first, else in the settings' order.

    Raises LegFailed.
    """
    fits: dict[str, int] = {}
    for name, trunk in trunks.items():
        public = trunk.numbers.e164(number) if trunk.numbers else number
        lengths = [len(p) for p in trunk.prefixes or ("",) if public.startswith(p)]
        if lengths:
            fits[name] = max(lengths)
    if not fits:
        raise LegFailed(404, f"no trunk takes {number}")
    return sorted(fits, key=lambda name: -fits[name])


def uri_at(trunk: Trunk, number: str) -> str:
    """Where a trunk takes a number."""
    host = f"[{trunk.host}]" if ":" in trunk.host else trunk.host
    port = f":{trunk.port}" if trunk.port else ""
    suffix = f";transport={trunk.transport}" if trunk.transport not in (None, "udp") else ""
    dialled = trunk.numbers.dialled(number) if trunk.numbers else number
    return f"sip:{dialled}@{host}{port}{suffix}"


async def _decided(leg: Leg, patience: float) -> bool:
    """True when the call is this trunk's, whatever comes of it; False when another may do."""
    try:
        async with asyncio.timeout(patience):
            await leg.wait(LegState.EARLY, LegState.CONFIRMED)
    except TimeoutError:
        return True
    except LegFailed as failed:
        return failed.status not in NEXT_TRUNK
    except asyncio.CancelledError:
        # nobody else knows this leg yet
        with suppress(LegFailed):
            await leg.hangup()
        raise
    return True
