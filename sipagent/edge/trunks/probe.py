"""Probe: OPTIONS every so often tell whether a trunk is up (RFC 3261 section 11)."""

import asyncio
import random
import secrets
from collections.abc import Callable

import structlog

from sipagent.config import Trunk
from sipagent.edge.headers import Uri
from sipagent.edge.identity import hostport
from sipagent.edge.message import Message, header
from sipagent.edge.requests import Silence, request
from sipagent.edge.resolver import NoName, Unreachable

from .enrolment import Wire, domain, routes
from .status import Cause, Reach

_log = structlog.get_logger(__name__)
#: answers of a server that is there and wants no calls, or of a proxy before one that is not
_DOWN = frozenset({408, 503, 504})


class Probe:
    """Asks the trunk's next hop. Any answer is a sign of life, but those that say "not now".

    `on_return` is called when one that was down is up again: it may have forgotten us.
    """

    def __init__(self, name: str, trunk: Trunk, hop: Callable[[], Uri], wire: Wire) -> None:
        self.reach = Reach.UNKNOWN
        self.why = ""
        self.cause: Cause | None = None
        self.on_return: Callable[[], None] = lambda: None
        self._name = name
        self._trunk = trunk
        self._hop = hop
        self._wire = wire
        self._chance = random.Random()  # noqa: S311 - spreads load, guards nothing

    async def run(self) -> None:
        """Ask for ever."""
        while True:
            self._learned(*await self._ask())
            await asyncio.sleep(self._trunk.options_seconds * self._chance.uniform(0.9, 1.1))

    async def _ask(self) -> tuple[Cause | None, str]:
        """What is wrong, in a word and in several, or nothing."""
        hop = self._hop()
        try:
            peer = await self._wire.resolver.find(hop)
            answer = await self._wire.requests.ask(
                question(self._trunk, self._wire), peer, self._trunk.answer_seconds
            )
        except Silence as error:
            self._wire.resolver.avoid(peer)
            return Cause.NO_ANSWER, str(error)
        except NoName as error:
            return Cause.NO_NAME, str(error)
        except Unreachable as error:
            return Cause.UNREACHABLE, str(error)
        said = answer.start.partition(b" ")[2].decode("utf-8", "replace")
        return (Cause.REFUSED, f"OPTIONS: {said}") if answer.status in _DOWN else (None, "")

    def _learned(self, cause: Cause | None, why: str) -> None:
        reach = Reach.DOWN if why else Reach.UP
        if (self.reach, reach) == (Reach.DOWN, Reach.UP):
            self.on_return()
        if reach is not self.reach:
            tell = _log.warning if why else _log.info
            tell("trunk_down" if why else "trunk_up", trunk=self._name, why=why)
        self.reach, self.cause, self.why = reach, cause, why


def question(trunk: Trunk, wire: Wire) -> Message:
    """OPTIONS to a trunk, about what calls it takes."""
    target = b"sip:" + domain(trunk)
    us = b"<sip:sipagent@%b>" % hostport(wire.identity.public)
    return request(
        b"OPTIONS",
        target,
        [
            *routes(trunk),
            header(b"From", us + b";tag=" + secrets.token_hex(6).encode()),
            header(b"To", b"<%b>" % target),
            header(b"Call-ID", secrets.token_hex(12).encode()),
            header(b"CSeq", b"1 OPTIONS"),
            header(b"Contact", us),
            header(b"Accept", b"application/sdp"),
        ],
    )
