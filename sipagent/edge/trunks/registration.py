"""Registration: kept alive for as long as we serve, whatever becomes of the registrars."""

import asyncio
import random

import structlog

from sipagent.config import Trunk
from sipagent.edge.listeners import Peer
from sipagent.edge.timers import Timers

from .enrolment import Enrolment, Granted, RegistrationFailed, Wire, home
from .status import Cause, Standing, from_now
from .turns import Always, Turn

_log = structlog.get_logger(__name__)
#: RFC 5626 section 4.5: the longest wait between two attempts
LONGEST_WAIT = 1800.0
#: a refresh comes after this part of the granted time, by chance within it
_REFRESH = (0.75, 0.9)
#: seconds that taking a registration back may cost
_FAREWELL = 2.0


def backoff(
    failures: int, first: float, chance: random.Random, longest: float = LONGEST_WAIT
) -> float:
    """Seconds before the next attempt: doubled with each failure, bounded, half of it by chance
    (RFC 5626 section 4.5).
    """
    return min(longest, first * 2.0 ** min(failures - 1, 16)) * chance.uniform(0.5, 1.0)


class Registration:
    """One account's registration: `run` never ends; `standing` and `why` say how it goes.

    Registrars are tried in the order given, each time: a primary that is back gets us back. It is
    made while it is our `turn`; when that is over nothing is taken back: it is another's now.
    """

    def __init__(
        self,
        name: str,
        trunk: Trunk,
        enrolment: Enrolment,
        wire: Wire,
        timers: Timers,
        *,
        turn: Turn | None = None,
    ) -> None:
        assert trunk.registration is not None
        self.standing = Standing.TRYING
        self.cause: Cause | None = None
        self.why = ""
        self.failures = 0
        #: moments of the next attempt after a failure, and of the registration's end
        self.retry = self.expires = from_now(0)
        #: who granted it, and at which registrar of the list
        self.peer: Peer | None = None
        self._registrar = ""
        self._name = name
        self._wanted = trunk.registration
        self._registrars = trunk.registration.registrars or (home(trunk),)
        self._enrolment = enrolment
        self._turn = turn or Always()
        self._wire = wire
        self._watch = timers.watch
        self._chance = random.Random()  # noqa: S311 - spreads load, guards nothing
        self._again = asyncio.Event()

    async def run(self) -> None:
        """Register, refresh, and begin again after every failure."""
        while True:
            await self._our_turn()
            self._again.clear()
            try:
                wait = self._succeeded(await self._once())
            except RegistrationFailed as failure:
                wait = self._failed(failure)
            await self._pause(wait)

    def now(self) -> None:
        """Register at once: our address changed, or somebody asked for it."""
        self._again.set()

    async def leave(self) -> None:
        """Take it back; `run` must not be running any more."""
        registered, self.standing = self.standing is Standing.REGISTERED, Standing.ENDED
        if not registered or not self._turn.ours or self._turn.goes_on:
            return
        try:
            async with asyncio.timeout(_FAREWELL):
                await self._enrolment.register(self._registrar, 0)
        except (RegistrationFailed, TimeoutError) as error:
            _log.info("trunk_unregister_failed", trunk=self._name, why=str(error))
        else:
            _log.info("trunk_unregistered", trunk=self._name)

    async def _our_turn(self) -> None:
        if self._turn.ours:
            return
        if self.standing is Standing.REGISTERED:
            _log.warning("trunk_registration_left", trunk=self._name, why=self._turn.why)
        self.standing, self.peer, self.cause, self.why = Standing.ELSEWHERE, None, None, ""
        await self._turn.wait()
        self.standing, self.failures = Standing.TRYING, 0

    async def _once(self) -> Granted:
        """The first registrar that grants. Raises RegistrationFailed, the last one."""
        failure: RegistrationFailed | None = None
        for registrar in self._registrars:
            try:
                granted = await self._enrolment.register(registrar, self._wanted.expires)
            except RegistrationFailed as error:
                failure = error
                if not error.elsewhere:
                    break
                if registrar != self._registrars[-1]:
                    _log.info("trunk_registrar_failed", trunk=self._name, why=str(error))
            else:
                self._registrar = registrar
                return granted
        assert failure is not None
        raise failure

    def _succeeded(self, granted: Granted) -> float:
        news = self.standing is not Standing.REGISTERED or self.peer != granted.peer
        self.standing, self.peer = Standing.REGISTERED, granted.peer
        self.cause, self.why, self.failures = None, "", 0
        self.expires = from_now(granted.seconds)
        tell = _log.info if news else _log.debug
        tell(
            "trunk_registered",
            trunk=self._name,
            registrar=str(granted.peer),
            expires=granted.seconds,
        )
        return max(granted.seconds * self._chance.uniform(*_REFRESH), 1.0)

    def _failed(self, failure: RegistrationFailed) -> float:
        if not self._turn.ours:
            return 0.0
        self.failures += 1
        self.standing, self.peer = Standing.FAILED, None
        self.cause, self.why = failure.cause, str(failure)
        wait = backoff(self.failures, self._wanted.retry_seconds, self._chance)
        wait = min(max(wait, failure.retry_after), LONGEST_WAIT)
        self.retry = from_now(wait)
        _log.warning(
            "trunk_registration_failed",
            trunk=self._name, why=self.why, failures=self.failures, retry_in=round(wait, 1),
        )  # fmt: skip
        return wait

    async def _pause(self, seconds: float) -> None:
        """Wait; a connection that is gone takes the registration along (RFC 5626 section 4.5)."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while not self._again.is_set() and (left := end - loop.time()) > 0:
            try:
                async with asyncio.timeout(min(left, self._watch)):
                    await self._again.wait()
            except TimeoutError:
                if self.peer is not None and self._wire.listeners.flow(self.peer.flow) is None:
                    _log.info("trunk_connection_lost", trunk=self._name, registrar=str(self.peer))
                    self.peer = None
                    return
