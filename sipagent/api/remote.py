"""RemoteCalls: the live calls of a server elsewhere, by its HTTP API, for our own programs."""

import secrets
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import httpx

from sipagent.call.verb import Outcome
from sipagent.errors import SipAgentError
from sipagent.events import ANY_EVENT
from sipagent.store.vault import Stored

from .calls import (
    Calls,
    CallView,
    Done,
    Line,
    Numbered,
    Origination,
    OutsideError,
    Principal,
    Transcript,
    outside_error,
)
from .nodes_view import NodesView
from .operating import Draining

#: for an answer that waits for nobody, seconds; verbs wait as long as people do
_PATIENCE = 15.0
#: bytes of a recording that is fetched
_LARGEST = 100_000_000


class ServerAway(SipAgentError):
    """The server cannot be reached, or what answers is no sipagent."""


class Unauthorised(SipAgentError):
    """The server does not know the token."""


class RemoteCalls:
    """`LiveCalls` by HTTP. An async context manager. Who acts is decided by the token; `client`
    says on record what program it is used by ("api", "mcp").
    """

    def __init__(self, url: str, token: str, *, client: str = "api") -> None:
        self._url = url.rstrip("/")
        headers = {"authorization": f"Bearer {token}", "sipagent-client": client}
        self._http = httpx.AsyncClient(
            base_url=self._url, headers=headers, timeout=_PATIENCE, follow_redirects=False
        )
        self._folder = tempfile.TemporaryDirectory(prefix="sipagent-")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()
        self._folder.cleanup()

    async def list(self) -> Calls:
        """See `LiveCalls`."""
        return Calls.model_validate(await self._json("GET", "/v1/calls"))

    async def get(self, call_id: str) -> CallView:
        """See `LiveCalls`."""
        return CallView.model_validate(await self._json("GET", _path(call_id), call_id=call_id))

    async def do(
        self, call_id: str, verb: str, arguments: Mapping[str, Any], who: Principal
    ) -> Outcome:
        """See `LiveCalls`."""
        path = f"{_path(call_id)}/verbs/{quote(verb, safe='')}"
        body = await self._json("POST", path, call_id=call_id, body=dict(arguments), patience=None)
        done = Done.model_validate(body)
        return Outcome(done.ok, done.detail, done.status, done.data)

    async def originate(self, wish: Origination, who: Principal) -> CallView:
        """See `LiveCalls`."""
        body = wish.model_dump(mode="json", exclude_unset=True)
        return CallView.model_validate(await self._json("POST", "/v1/calls", body=body))

    async def events(
        self, call_id: str | None = None, after: int | None = None
    ) -> AsyncIterator[Numbered]:
        """See `LiveCalls`."""
        path = "/v1/events" if call_id is None else f"{_path(call_id)}/events"
        params = {} if after is None else {"after": str(after)}
        try:
            async with self._http.stream("GET", path, params=params, timeout=None) as answer:
                if answer.status_code != 200:
                    await answer.aread()
                    self._check(answer, call_id or "")
                async for item in _items(answer):
                    yield item
        except httpx.HTTPError as error:
            raise self._away(error) from error

    async def nodes(self) -> NodesView:
        """The cluster as the server sees it."""
        return NodesView.model_validate(await self._json("GET", "/v1/nodes"))

    async def drain(self, node: str = "") -> Draining:
        """Have the server emptied, or that node of its cluster."""
        return Draining.model_validate(await self._json("POST", f"{_whose(node)}/drain"))

    async def undrain(self, node: str = "") -> Draining:
        """Have it take calls again."""
        return Draining.model_validate(await self._json("POST", f"{_whose(node)}/undrain"))

    async def draining(self, node: str = "") -> Draining:
        """How far it is."""
        return Draining.model_validate(await self._json("GET", f"{_whose(node)}/drain"))

    async def transcript(self, call_id: str) -> Sequence[Line]:
        """See `LiveCalls`."""
        path = f"{_path(call_id)}/transcript"
        return Transcript.model_validate(await self._json("GET", path, call_id=call_id)).lines

    async def recording(self, call_id: str, name: str | None = None) -> Stored | None:
        """See `LiveCalls`. A copy, gone with this object."""
        view = await self.get(call_id)
        wanted = name or (view.recordings[-1] if view.recordings else None)
        if wanted is None or wanted not in view.recordings:
            return None
        path = f"{_path(call_id)}/recordings/{quote(wanted, safe='')}"
        copy = Path(self._folder.name) / secrets.token_hex(8)
        try:
            async with self._http.stream("GET", path) as answer:
                if answer.status_code != 200:
                    return None
                with copy.open("wb") as file:
                    async for chunk in answer.aiter_bytes():
                        if file.tell() > _LARGEST:
                            raise OutsideError("the recording is too long to be fetched")
                        file.write(chunk)
        except httpx.HTTPError as error:
            raise self._away(error) from error
        size = copy.stat().st_size
        return Stored(copy, size, 0.0, lambda: copy.open("rb"))

    async def _json(
        self,
        method: str,
        path: str,
        *,
        call_id: str = "",
        body: Any = None,
        patience: float | None = _PATIENCE,
    ) -> Any:
        try:
            answer = await self._http.request(method, path, json=body, timeout=patience)
        except httpx.HTTPError as error:
            raise self._away(error) from error
        self._check(answer, call_id)
        return answer.json()

    def _check(self, answer: httpx.Response, call_id: str) -> None:
        """Raises what the server says in its problem."""
        if answer.status_code < 400:
            return
        try:
            told = answer.json()
            kind, detail = str(told["type"]).rpartition(":")[2], str(told["detail"])
        except (ValueError, KeyError, TypeError):
            raise ServerAway(f"{self._url} answered {answer.status_code}, and no reason") from None
        if answer.status_code == 401:
            raise Unauthorised(f"{self._url}: {detail}")
        place = str(told.get("place", "")).removeprefix("body.")
        raise outside_error(kind, detail, place, call_id)

    def _away(self, error: httpx.HTTPError) -> ServerAway:
        why = str(error) or type(error).__name__
        return ServerAway(f"{self._url} cannot be reached: {why}; is api: in its settings?")


def _path(call_id: str) -> str:
    return f"/v1/calls/{quote(call_id, safe='')}"


def _whose(node: str) -> str:
    return f"/v1/nodes/{quote(node, safe='')}" if node else "/v1/system"


async def _items(answer: httpx.Response) -> AsyncIterator[Numbered]:
    seq = 0
    kind = ""
    async for line in answer.aiter_lines():
        name, _, value = line.partition(": ")
        if name == "id":
            seq = int(value)
        elif name == "event":
            kind = value
        elif name == "data":
            yield Numbered(seq, None if kind == "gap" else ANY_EVENT.validate_json(value))
