"""RemoteCalls: the live calls of a server elsewhere, as `LiveCalls`, for our own programs."""

import secrets
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from sipagent.api.calls import (
    Calls,
    CallView,
    Line,
    Numbered,
    Origination,
    OutsideError,
    Principal,
    outside_error,
)
from sipagent.call.verb import Outcome
from sipagent.store.vault import Stored

from . import asks
from .client import SipAgent
from .errors import ApiError, NotFound, Unauthorised

#: bytes of a recording that is fetched
_LARGEST = 100_000_000


class RemoteCalls:
    """`LiveCalls` by HTTP. An async context manager. Who acts is decided by the token; `program`
    says on record what it is used by ("api", "mcp").

    Raises what `LiveCalls` raises, ServerAway where nobody answers, and Unauthorised.
    """

    def __init__(self, url: str, token: str, *, program: str = "api") -> None:
        self._server = SipAgent(url, token, program=program)
        self._folder = tempfile.TemporaryDirectory(prefix="sipagent-")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.close()
        self._folder.cleanup()

    async def list(self) -> Calls:
        """See `LiveCalls`."""
        with _as_if_here():
            return await self._server.ask(asks.calls())

    async def get(self, call_id: str) -> CallView:
        """See `LiveCalls`."""
        with _as_if_here(call_id):
            return await self._server.call(call_id)

    async def do(
        self, call_id: str, verb: str, arguments: Mapping[str, Any], who: Principal
    ) -> Outcome:
        """See `LiveCalls`."""
        with _as_if_here(call_id):
            done = await self._server.ask(asks.do(call_id, verb, arguments))
        return Outcome(done.ok, done.detail, done.status, done.data)

    async def originate(self, wish: Origination, who: Principal) -> CallView:
        """See `LiveCalls`."""
        with _as_if_here():
            return await self._server.ask(asks.originate(wish))

    async def events(
        self, call_id: str | None = None, after: int | None = None
    ) -> AsyncIterator[Numbered]:
        """See `LiveCalls`; a stream that breaks off is gone on with."""
        with _as_if_here(call_id or ""):
            async for item in self._server.events(call_id, after=after):
                yield item

    async def transcript(self, call_id: str) -> Sequence[Line]:
        """See `LiveCalls`."""
        with _as_if_here(call_id):
            return await self._server.transcript(call_id)

    async def recording(self, call_id: str, name: str | None = None) -> Stored | None:
        """See `LiveCalls`. A copy, gone with this object."""
        view = await self.get(call_id)
        wanted = name or (view.recordings[-1] if view.recordings else None)
        if wanted is None or wanted not in view.recordings:
            return None
        copy = Path(self._folder.name) / secrets.token_hex(8)
        try:
            with copy.open("wb") as file:
                async for chunk in self._server.chunks(asks.recording(call_id, wanted)):
                    if file.tell() + len(chunk) > _LARGEST:
                        raise OutsideError("the recording is too long to be fetched")
                    file.write(chunk)
        except NotFound:
            return None
        return Stored(copy, copy.stat().st_size, 0.0, lambda: copy.open("rb"))


@contextmanager
def _as_if_here(call_id: str = "") -> Iterator[None]:
    """What the server says no to, as the errors of `LiveCalls`."""
    try:
        yield
    except Unauthorised:
        raise
    except ApiError as error:
        raise outside_error(error.kind, error.detail, error.place, call_id) from error
