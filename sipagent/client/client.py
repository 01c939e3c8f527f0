"""SipAgent: a running server, for programs with asyncio."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any, Self, TypeVar

import httpx

from sipagent.api.calls import CallView, Done, Line, Numbered, Origination
from sipagent.api.keeping import Certificate, ErasureWish, RetentionView
from sipagent.api.nodes_view import NodesView
from sipagent.api.operating import Checked, Dialplans, Draining, Phone, PlanGraph, Reloaded, Status
from sipagent.call.cdr import Cdr
from sipagent.call.search import Search
from sipagent.edge.trunks.status import TrunkStatus
from sipagent.store.story import Story

from . import asks
from .asks import PATIENCE, Ask
from .errors import ApiError, ServerAway, away, error_of
from .following import SILENCE, Following

T = TypeVar("T")


class SipAgent:
    """The server at `url`, with a token of it: an async context manager.

    Whatever it does raises ServerAway where nobody answers, and ApiError, by its kind, for what the
    server says no to. What policy or the far end refuses of a verb is no error but `Done.ok`.
    """

    def __init__(self, url: str, token: str, *, program: str = "api") -> None:
        self._http = httpx.AsyncClient(
            base_url=url.rstrip("/"),
            headers={"authorization": f"Bearer {token}", "sipagent-client": program},
            timeout=PATIENCE,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()

    async def calls(self) -> Sequence[CallView]:
        """The calls that live, the oldest first."""
        return (await self.ask(asks.calls())).calls

    async def call(self, call_id: str) -> CallView:
        """One call, live or on record."""
        return await self.ask(asks.call(call_id))

    async def originate(self, to: str, **keys: Any) -> CallView:
        """Call somebody; `keys` are those of `Origination`: plan, agent, variables, timeout, ..."""
        return await self.ask(asks.originate(Origination(to=to, **keys)))

    async def do(self, call_id: str, verb: str, **arguments: Any) -> Done:
        """Run a verb on a live call, and wait for how it came out."""
        return await self.ask(asks.do(call_id, verb, arguments))

    async def events(
        self, call_id: str | None = None, *, after: int | None = None, types: Sequence[str] = ()
    ) -> AsyncIterator[Numbered]:
        """Events from the one after `after` on (None: from now on): of one call until it ends, or
        of all without end. A connection that breaks is made again, and nothing is lost or told
        twice; where the server keeps what was missed no more, an item without event says so.
        """
        if call_id is not None and after is None:
            after = (await self.call(call_id)).last_event
        following = Following(call_id, after, types)
        while True:
            why: Exception | None = None
            try:
                async for item in self._stream(following):
                    yield item
                if call_id is not None and (
                    following.over or (await self.call(call_id)).state == "ended"
                ):
                    return
            except (ServerAway, ApiError) as error:
                why = error
            await asyncio.sleep(following.wait(why))

    async def transcript(self, call_id: str) -> Sequence[Line]:
        """Who said what so far."""
        return (await self.ask(asks.transcript(call_id))).lines

    async def recording(self, call_id: str, name: str) -> bytes:
        """A finished recording, by its name in `CallView.recordings`."""
        return await self.ask(asks.recording(call_id, name))

    async def records(self, wanted: Search | None = None, **keys: Any) -> AsyncIterator[Cdr]:
        """Calls on record and calls that live, the newest first; `keys` are those of `Search`."""
        search, after = wanted or Search(**keys), ""
        while True:
            page = await self.ask(asks.records(search, 200, after))
            for record in page.records:
                yield record
            if not (after := page.after):
                return

    async def record(self, call_id: str) -> Cdr:
        """The record of one call, so far where it lives."""
        return await self.ask(asks.record(call_id))

    async def story(self, call_id: str) -> Story:
        """Transcript, tools, policy, waterfall and SIP ladder of one call."""
        return await self.ask(asks.story(call_id))

    async def timeline(self, call_id: str) -> str:
        """Its picture, SVG."""
        return await self.ask(asks.timeline(call_id))

    async def status(self) -> Status:
        """The server."""
        return await self.ask(asks.status())

    async def trunks(self) -> Sequence[TrunkStatus]:
        """Its trunks, and how they do."""
        return (await self.ask(asks.trunks())).trunks

    async def phones(self) -> Sequence[Phone]:
        """Its phones, and where they are."""
        return (await self.ask(asks.phones())).phones

    async def dialplans(self) -> Dialplans:
        """Its dialplans, with findings."""
        return await self.ask(asks.dialplans())

    async def graph(self, name: str) -> PlanGraph:
        """A dialplan as nodes and edges."""
        return await self.ask(asks.graph(name))

    async def check(self, document: str) -> Checked:
        """What is wrong with a dialplan, YAML or JSON; it is not loaded."""
        return await self.ask(asks.check(document))

    async def reload(self) -> Reloaded:
        """Have settings and dialplans read again."""
        return await self.ask(asks.reload())

    async def nodes(self) -> NodesView:
        """The nodes of its cluster, and how each does."""
        return await self.ask(asks.nodes())

    async def drain(self, node: str = "") -> Draining:
        """Have the server, or that node of its cluster, take no new calls: live ones go on."""
        return await self.ask(asks.drain(node))

    async def undrain(self, node: str = "") -> Draining:
        """Have it take calls again."""
        return await self.ask(asks.undrain(node))

    async def draining(self, node: str = "") -> Draining:
        """Whether it takes calls, and how many live."""
        return await self.ask(asks.draining(node))

    async def retention(self) -> RetentionView:
        """How long records stay, what is due now and soon, and which calls are on hold."""
        return await self.ask(asks.retention())

    async def erase(self, caller: str, **keys: Any) -> Certificate:
        """Remove all that is known of one caller; `as_party` and `dry_run` as in the API."""
        return await self.ask(asks.erase(ErasureWish(caller=caller, **keys)))

    async def ask(self, ask: Ask[T]) -> T:
        """Any request of `client.asks`."""
        try:
            answer = await self._http.request(
                ask.method,
                ask.path,
                params=ask.params,
                json=ask.body,
                content=ask.text,
                timeout=ask.patience,
            )
        except httpx.HTTPError as error:
            raise away(error, self._http.base_url) from error
        if answer.status_code >= 400:
            raise error_of(answer.status_code, answer.content)
        return ask.read(answer.content)

    async def chunks(self, ask: Ask[bytes]) -> AsyncIterator[bytes]:
        """The bytes of an answer as they come, for what is too large to be held."""
        try:
            async with self._http.stream(
                ask.method, ask.path, params=ask.params, timeout=PATIENCE
            ) as answer:
                if answer.status_code >= 400:
                    raise error_of(answer.status_code, await answer.aread())
                async for chunk in answer.aiter_bytes():
                    yield chunk
        except httpx.HTTPError as error:
            raise away(error, self._http.base_url) from error

    async def _stream(self, following: Following) -> AsyncIterator[Numbered]:
        patience = httpx.Timeout(PATIENCE, read=SILENCE)
        try:
            async with self._http.stream(
                "GET", following.path, params=following.params, timeout=patience
            ) as answer:
                if answer.status_code >= 400:
                    raise error_of(answer.status_code, await answer.aread())
                async for line in answer.aiter_lines():
                    if (item := following.line(line)) is not None:
                        yield item
        except httpx.HTTPError as error:
            raise away(error, self._http.base_url) from error
