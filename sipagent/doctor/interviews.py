"""Interviews: what trunks answer us, asked once however many checks want to know."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from sipagent.config import Settings, Trunk
from sipagent.edge.headers import parse_uri
from sipagent.edge.listeners import Peer
from sipagent.edge.message import Message
from sipagent.edge.requests import Silence
from sipagent.edge.resolver import NoName, Unreachable
from sipagent.edge.trunks.enrolment import Enrolment, Granted, RegistrationFailed, home
from sipagent.edge.trunks.probe import question
from sipagent.edge.trunks.status import Cause
from sipagent.tasks import stopped

from .outpost import Outpost, outpost

T = TypeVar("T")
#: seconds of a registration that is made to be taken back
_SHORT = 60


@dataclass(frozen=True, slots=True)
class Interview:
    """A trunk's answer to OPTIONS and how long it took, or why there is none."""

    answer: Message | None = None
    peer: Peer | None = None
    ms: float = 0.0
    cause: Cause | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What came of a REGISTER: for how many seconds and where, or why not."""

    granted: Granted | None = None
    cause: Cause | None = None
    why: str = ""


class Interviews:
    """Each trunk is asked when somebody first wants to know."""

    def __init__(self, settings: Settings, post: Outpost) -> None:
        self.post = post
        self._settings = settings
        self._tasks: dict[tuple[str, str], asyncio.Task[Any]] = {}

    async def options(self, name: str) -> Interview:
        """OPTIONS to where calls by this trunk go."""
        trunk = self._settings.trunks[name]
        return await self._once("OPTIONS", name, lambda: _asked(self.post, trunk))

    async def register(self, name: str) -> Enrolled:
        """REGISTER for a minute, taken back at once."""
        trunk = self._settings.trunks[name]
        return await self._once("REGISTER", name, lambda: _enrolled(self.post, trunk))

    async def close(self) -> None:
        """Ask no more."""
        await stopped(*self._tasks.values())

    async def _once(self, method: str, name: str, ask: Callable[[], Coroutine[Any, Any, T]]) -> T:
        task = self._tasks.get((method, name))
        if task is None:
            task = self._tasks[method, name] = asyncio.create_task(ask())
        found: T = await asyncio.shield(task)
        return found


@asynccontextmanager
async def interviewing(settings: Settings) -> AsyncIterator[Interviews]:
    """Trunks can be asked while the block runs."""
    async with outpost(settings) as post:
        interviews = Interviews(settings, post)
        try:
            yield interviews
        finally:
            await interviews.close()


async def _asked(post: Outpost, trunk: Trunk) -> Interview:
    hop = parse_uri((trunk.outbound_proxy or home(trunk)).encode())
    try:
        peer = await post.wire.resolver.find(hop)
    except NoName as error:
        return Interview(cause=Cause.NO_NAME, why=str(error))
    except Unreachable as error:
        return Interview(cause=Cause.UNREACHABLE, why=str(error))
    began = time.perf_counter()
    try:
        asked = question(trunk, post.wire)
        answer = await post.wire.requests.ask(asked, peer, trunk.answer_seconds)
    except Silence as error:
        return Interview(peer=peer, cause=Cause.NO_ANSWER, why=str(error))
    return Interview(answer, peer, 1000 * (time.perf_counter() - began))


async def _enrolled(post: Outpost, trunk: Trunk) -> Enrolled:
    assert trunk.registration is not None
    enrolment = Enrolment(trunk, secrets.token_hex(8), post.wire)
    failure: RegistrationFailed | None = None
    for registrar in trunk.registration.registrars or (home(trunk),):
        try:
            granted = await enrolment.register(registrar, _SHORT)
        except RegistrationFailed as error:
            failure = error
            if not error.elsewhere:
                break
            continue
        await _taken_back(enrolment, registrar)
        return Enrolled(granted)
    assert failure is not None
    return Enrolled(cause=failure.cause, why=str(failure))


async def _taken_back(enrolment: Enrolment, registrar: str) -> None:
    with suppress(RegistrationFailed):  # it ends by itself within a minute
        await enrolment.register(registrar, 0)
