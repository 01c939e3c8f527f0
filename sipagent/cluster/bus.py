"""Bus: what nodes tell and ask one another, over NATS.

Errors, each with the HTTP status that says so:

* BusError
  + BusAway        503   there is no connection to a NATS server now
  + NobodyThere    503   nobody serves that subject: the node is gone
  + NoAnswer       504   somebody does, and did not answer in time; what came of it is not known
  + TooBig         413   the message is bigger than the servers take
  * Refusal              the far end's own error, with its kind
"""

import asyncio
import ssl
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import ClassVar, TypeVar

import nats.errors
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from pydantic import BaseModel, ConfigDict, ValidationError

from sipagent.config import Nats
from sipagent.errors import SipAgentError
from sipagent.tasks import lasting, stopped

from .connecting import options

log = structlog.get_logger(__name__)

#: messages that wait to be sent; what is published beyond is dropped, and counted
_WAITING = 2_000
#: bytes a subscription may have waiting; beyond, NATS drops messages for us alone
_PENDING_BYTES = 16 << 20
_PENDING = 4_000
#: requests of others that are worked on at a time; beyond: refused
_AT_ONCE = 200
#: seconds: for a connection to come about, and between attempts
_CONNECT, _AGAIN = 3.0, 0.5
#: seconds between pings; two without an answer are the end of a connection
_PING = 1.5
#: seconds for a message that answers, or is on its way out
_SEND = 5.0
_LOST = "the connection was lost"
#: carries the kind of an error, where an answer is one
_ERROR = "Sipagent-Error"


class BusError(SipAgentError):
    """What was said or asked by the bus came to nothing."""

    status: ClassVar[int] = 503
    #: what it is counted as
    outcome: ClassVar[str] = "away"


class BusAway(BusError):
    """There is no connection to a NATS server now."""


class NobodyThere(BusError):
    """Nobody serves that subject."""

    outcome = "nobody"


class NoAnswer(BusError):
    """No answer came in time; what came of the request is not known."""

    status, outcome = 504, "timed_out"


class TooBig(BusError):
    """The message is bigger than the servers take."""

    status, outcome = 413, "too_big"


class Refusal(BusError):
    """The far end's own error: `kind` names it for a program, `place` says where it is."""

    outcome = "refused"

    def __init__(self, kind: str, detail: str, place: str = "") -> None:
        super().__init__(detail)
        self.kind = kind
        self.place = place


class Message(BaseModel):
    """What goes over the bus. Keys that are not known pass: nodes are upgraded one by one."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class _Problem(Message):
    """An error as it goes over the bus."""

    kind: str
    detail: str
    place: str = ""


M = TypeVar("M", bound=BaseModel)
#: a model as it was asked for, or bytes as they are
Answer = BaseModel | bytes
Handler = Callable[[Msg], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class _Served:
    """A subject below the prefix, and what is called with its messages."""

    subject: str
    handler: Handler


class Bus:
    """One connection to any of the servers, made anew for as long as it is wanted. While there is
    none what is published is dropped, and a request fails at once: nothing is told late.

    Subjects are given without the prefix. `changed` is called when the connection comes or goes.
    """

    def __init__(self, settings: Nats, name: str, *, ping: float = _PING) -> None:
        """`name` is what the servers' own tools show; `ping` the seconds between two."""
        self._settings = settings
        self._ping = ping
        self._name = name
        self._client: Client | None = None
        self._served: list[_Served] = []
        self._waiting: deque[tuple[str, bytes]] = deque()
        self._news = asyncio.Event()
        self._jobs: set[asyncio.Task[None]] = set()
        self._keeping: asyncio.Task[None] | None = None
        self.changed: Callable[[bool], None] = lambda connected: None
        #: published messages that were dropped
        self.dropped = 0
        #: requests of ours by what came of them
        self.requests: Counter[str] = Counter()
        self._why = "not started"

    @property
    def connected(self) -> bool:
        """True while a server hears us, as far as anybody can tell."""
        return self._client is not None and self._client.is_connected

    @property
    def why_away(self) -> str:
        """Why there is no connection; empty while there is one."""
        return "" if self.connected else self._why or _LOST

    def start(self) -> None:
        """Connect in the background, and again whenever it is lost."""
        self._keeping = lasting(self._keep(), "bus")

    async def close(self) -> None:
        """Send what waits, and leave. Idempotent."""
        if self._keeping is None:
            return
        if self._client is not None:
            with suppress(nats.errors.Error, OSError, TimeoutError):
                async with asyncio.timeout(_SEND):
                    while self._waiting and self.connected:
                        await self._send(self._client, *self._waiting.popleft())
                    await self._client.flush()
        await stopped(self._keeping)
        self._keeping = None
        await stopped(*self._jobs)

    def publish(self, subject: str, told: BaseModel) -> bool:
        """Tell whoever listens; returns at once. False where it was dropped."""
        if not self.connected or len(self._waiting) >= _WAITING:
            self.dropped += 1
            return False
        self._waiting.append((self._whole(subject), told.model_dump_json().encode()))
        self._news.set()
        return True

    async def request(self, subject: str, asked: BaseModel, answer: type[M], timeout: float) -> M:
        """Ask, and wait so many seconds for the answer. Raises BusError."""
        data = await self.fetch(subject, asked, timeout)
        try:
            # a newer node may say more than this release knows
            return answer.model_validate_json(data, extra="ignore")
        except ValidationError as error:
            raise NoAnswer(f"{subject}: the answer is not understood: {error}") from error

    async def fetch(self, subject: str, asked: BaseModel, timeout: float) -> bytes:
        """The same for an answer that is bytes. Raises BusError."""
        try:
            data = await self._answer(subject, asked, timeout)
        except BusError as error:
            self.requests[error.outcome] += 1
            raise
        self.requests["answered"] += 1
        return data

    async def _answer(self, subject: str, asked: BaseModel, timeout: float) -> bytes:
        client = self._client
        if client is None or not client.is_connected:
            raise BusAway(f"NATS cannot be reached: {self.why_away}")
        try:
            said = await client.request(
                self._whole(subject), asked.model_dump_json().encode(), timeout
            )
        except nats.errors.NoRespondersError as error:
            raise NobodyThere(f"nobody serves {subject}") from error
        except nats.errors.MaxPayloadError as error:
            raise TooBig(f"{subject}: more than the NATS servers take") from error
        except nats.errors.TimeoutError as error:
            raise NoAnswer(f"{subject}: no answer within {timeout:g} s") from error
        except (nats.errors.Error, OSError) as error:
            raise BusAway(f"{subject}: {_words(error)}") from error
        if said.headers and _ERROR in said.headers:
            raise _refusal(said.data)
        return bytes(said.data)

    def subscribe(self, subject: str, told: type[M], handler: Callable[[M], None]) -> None:
        """Have what others tell handled from the next connection on; call it before `start`. What
        is not understood is logged, and dropped.
        """

        async def heard(message: Msg) -> None:
            try:
                known = told.model_validate_json(message.data)
            except ValidationError as error:
                log.warning("bus_message_dropped", subject=message.subject, cause=str(error))
                return
            handler(known)

        self._served.append(_Served(subject, heard))

    def serve(
        self, subject: str, asked: type[M], handler: Callable[[M], Awaitable[Answer]]
    ) -> None:
        """Answer what others ask from the next connection on, each in a task of its own; call it
        before `start`. A SipAgentError goes back as it is: by its `kind`, and its words.
        """

        async def work(message: Msg) -> None:
            try:
                found = await handler(asked.model_validate_json(message.data))
            except ValidationError as error:
                await _reply(message, _Problem(kind="not-understood", detail=str(error)))
            except SipAgentError as error:
                kind = str(getattr(error, "kind", "error"))
                place = str(getattr(error, "place", ""))
                await _reply(message, _Problem(kind=kind, detail=str(error), place=place))
            else:
                await _reply(message, found)

        async def heard(message: Msg) -> None:
            if len(self._jobs) >= _AT_ONCE:
                busy = f"{_AT_ONCE} requests of other nodes are under way"
                await _reply(message, _Problem(kind="no-room", detail=busy))
                return
            job = asyncio.create_task(work(message))
            self._jobs.add(job)
            job.add_done_callback(self._done)

        self._served.append(_Served(subject, heard))

    def _done(self, job: "asyncio.Task[None]") -> None:
        self._jobs.discard(job)
        if not job.cancelled() and (error := job.exception()) is not None:
            # a mistake of ours: whoever asked is told nothing, and waits no longer than they wish
            log.error("bus_handler_failed", cause=repr(error))

    def _whole(self, subject: str) -> str:
        return f"{self._settings.prefix}.{subject}"

    async def _keep(self) -> None:
        while True:
            closed = asyncio.Event()
            client = Client()
            try:
                await self._connect(client, closed)
                await self._talk(client, closed)
            except (nats.errors.Error, OSError, TimeoutError, ssl.SSLError) as error:
                self._lost(_words(error))
            finally:
                self._client = None
                with suppress(nats.errors.Error, OSError, TimeoutError):
                    async with asyncio.timeout(_SEND):
                        await client.close()
            await asyncio.sleep(_AGAIN)

    async def _connect(self, client: Client, closed: asyncio.Event) -> None:
        """Raises what NATS and sockets raise."""
        why: deque[Exception] = deque(maxlen=1)

        async def failed(error: Exception) -> None:
            why.append(error)
            if client is self._client:  # a message of ours that nobody may send, a slow handler
                log.warning("bus_error", cause=_words(error))

        async def gone() -> None:
            closed.set()

        try:
            async with asyncio.timeout(_CONNECT):
                await client.connect(
                    **options(self._settings, self._ping, _CONNECT),
                    name=self._name,
                    error_cb=failed,
                    closed_cb=gone,
                    disconnected_cb=gone,
                )
                for served in self._served:
                    await client.subscribe(
                        self._whole(served.subject),
                        cb=served.handler,
                        pending_msgs_limit=_PENDING,
                        pending_bytes_limit=_PENDING_BYTES,
                    )
                await client.flush()
        except TimeoutError as error:
            raise why[-1] if why else error from error

    async def _talk(self, client: Client, closed: asyncio.Event) -> None:
        """Send what is published until the connection is gone."""
        self._waiting.clear()
        self._client, self._why = client, ""
        where = client.connected_url
        log.info("bus_connected", server=where.netloc.rpartition("@")[2] if where else "")
        self.changed(True)
        ended = asyncio.ensure_future(closed.wait())
        try:
            while not ended.done() and client.is_connected:
                self._news.clear()
                while self._waiting:
                    await self._send(client, *self._waiting.popleft())
                news = asyncio.ensure_future(self._news.wait())
                await asyncio.wait({news, ended}, return_when=asyncio.FIRST_COMPLETED)
                news.cancel()
        finally:
            ended.cancel()
        self._lost(_LOST)

    async def _send(self, client: Client, subject: str, data: bytes) -> None:
        async with asyncio.timeout(_SEND):
            try:
                await client.publish(subject, data)
            except nats.errors.MaxPayloadError:
                self.dropped += 1
                log.warning("bus_message_too_big", subject=subject, size=len(data))

    def _lost(self, why: str) -> None:
        # once, not with every attempt of a long outage
        if self._client is not None or self._why == "not started":
            log.error("bus_away", cause=why, servers=list(self._settings.servers))
        was, self._client, self._why = self._client, None, why
        if was is not None:
            self.changed(False)


async def _reply(message: Msg, answer: Answer) -> None:
    """Answer, where somebody waits for it and can still be told."""
    if not message.reply:
        return
    headers = {_ERROR: answer.kind} if isinstance(answer, _Problem) else None
    data = answer if isinstance(answer, bytes) else answer.model_dump_json().encode()
    try:
        async with asyncio.timeout(_SEND):
            await message._client.publish(message.reply, data, headers=headers)
    except nats.errors.MaxPayloadError:
        problem = _Problem(kind="too-big", detail=f"the answer has {len(data)} bytes")
        await _reply(message, problem)
    except (nats.errors.Error, OSError, TimeoutError) as error:
        log.warning("bus_answer_lost", subject=message.subject, cause=_words(error))


def _refusal(data: bytes) -> Refusal:
    try:
        told = _Problem.model_validate_json(data)
    except ValidationError:
        return Refusal("error", "an error that is not understood")
    return Refusal(told.kind, told.detail, told.place)


def _words(error: BaseException) -> str:
    return str(error) or type(error).__name__
