"""Watchdog: notices within seconds that a party of the call is not heard, and why."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from weakref import WeakKeyDictionary

from sipagent.call.leg import LegState
from sipagent.legs.diagnosis import Watch, diagnose
from sipagent.legs.pjsip import Endpoint
from sipagent.legs.reception import path, received
from sipagent.legs.sip import SipLeg

_LOOK_SECONDS = 0.25

#: told the leg's id and the diagnosis
Warn = Callable[[str, str], None]


class MediaWatchdog:
    """Looks at every answered leg of the endpoint. `source` is where the caller's SIP comes
    from, `public` the address our SDP gives instead of our own.
    """

    def __init__(
        self, endpoint: Endpoint, warn: Warn, *, caller: object, source: str, public: str | None
    ) -> None:
        self._endpoint = endpoint
        self._warn = warn
        self._caller = caller
        self._source = source
        self._public = public
        self._watches: WeakKeyDictionary[SipLeg, Watch] = WeakKeyDictionary()

    async def run(self) -> None:
        """Look until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            for leg in tuple(self._endpoint.legs):
                if leg.state is LegState.CONFIRMED:
                    self._look(leg, loop.time())
            await asyncio.sleep(_LOOK_SECONDS)

    def _look(self, leg: SipLeg, now: float) -> None:
        watch = self._watches.setdefault(leg, Watch())
        trouble = watch.look(received(leg), now)
        if trouble is None:
            return
        way = path(leg, self._source if leg is self._caller else "", self._public)
        if way is None:
            return
        six = self._endpoint.six
        relay = six.relay(leg.info.sip_call_id) if six is not None else None
        if relay is not None:  # the library sees no further than it
            way = replace(way, described=relay.described, source=relay.source, ours=relay.ours)
        self._warn(leg.info.id, diagnose(trouble, way))
