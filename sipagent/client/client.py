"""SipAgent: a running server, for programs with asyncio."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any, Self, TypeVar

import httpx

from sipagent.api.calls import CallView, Done, Line, Numbered, Origination
from sipagent.api.keeping import Certificate, ErasureWish, RetentionView
from sipagent.api.operating import Checked, Dialplans, Phone, PlanGraph, Reloaded, Status
from sipagent.call.cdr import Cdr
from sipagent.call.search import Search
from sipagent.edge.trunks.status import TrunkStatus
from sipagent.store.story import Story

from . import asks
from .asks import PATIENCE, Ask
from .errors import ApiError, ServerAway, error_of
from .following import SILENCE, Following

T = TypeVar("T")


class SipAgent:
    """The server at `url`, with a token of it: an async context manager.

    Whatever it does raises ServerAway where nobody answers, and ApiError, by its kind, for what the
    server says no to. What policy or the far end refuses of a verb is no error but `Done.ok`.
    """

    def __init__(self, url: str, token: str) -> None:
        self._http = httpx.AsyncClient(
            base_url=url.rstrip("/"),
            headers={"authorization": f"Bearer {token}"},
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
        return (await self._ask(asks.calls())).calls

    async def call(self, call_id: str) -> CallView:
        """One call, live or on record."""
        return await self._ask(asks.call(call_id))

    async def originate(self, to: str, **keys: Any) -> CallView:
        """Call somebody; `keys` are those of `Origination`: plan, agent, variables, timeout, ..."""
        return await self._ask(asks.originate(Origination(to=to, **keys)))

    async def do(self, call_id: str, verb: str, **arguments: Any) -> Done:
        """Run a verb on a live call, and wait for how it came out."""
        return await self._ask(asks.do(call_id, verb, arguments))

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
        return (await self._ask(asks.transcript(call_id))).lines

    async def recording(self, call_id: str, name: str) -> bytes:
        """A finished recording, by its name in `CallView.recordings`."""
        return await self._ask(asks.recording(call_id, name))

    async def records(self, wanted: Search | None = None, **keys: Any) -> AsyncIterator[Cdr]:
        """Calls on record and calls that live, the newest first; `keys` are those of `Search`."""
        search, after = wanted or Search(**keys), ""
        while True:
            page = await self._ask(asks.records(search, 200, after))
            for record in page.records:
                yield record
            if not (after := page.after):
                return

    async def record(self, call_id: str) -> Cdr:
        """The record of one call, so far where it lives."""
        return await self._ask(asks.record(call_id))

    async def story(self, call_id: str) -> Story:
        """Transcript, tools, policy, waterfall and SIP ladder of one call."""
        return await self._ask(asks.story(call_id))

    async def timeline(self, call_id: str) -> str:
        """Its picture, SVG."""
        return await self._ask(asks.timeline(call_id))

    async def status(self) -> Status:
        """The server."""
        return await self._ask(asks.status())

    async def trunks(self) -> Sequence[TrunkStatus]:
        """Its trunks, and how they do."""
        return (await self._ask(asks.trunks())).trunks

    async def phones(self) -> Sequence[Phone]:
        """Its phones, and where they are."""
        return (await self._ask(asks.phones())).phones

    async def dialplans(self) -> Dialplans:
        """Its dialplans, with findings."""
        return await self._ask(asks.dialplans())

    async def graph(self, name: str) -> PlanGraph:
        """A dialplan as nodes and edges."""
        return await self._ask(asks.graph(name))

    async def check(self, document: str) -> Checked:
        """What is wrong with a dialplan, YAML or JSON; it is not loaded."""
        return await self._ask(asks.check(document))

    async def reload(self) -> Reloaded:
        """Have settings and dialplans read again."""
        return await self._ask(asks.reload())

    async def retention(self) -> RetentionView:
        """How long records stay, what is due now and soon, and which calls are on hold."""
        return await self._ask(asks.retention())

    async def erase(self, caller: str, **keys: Any) -> Certificate:
        """Remove all that is known of one caller; `as_party` and `dry_run` as in the API."""
        return await self._ask(asks.erase(ErasureWish(caller=caller, **keys)))

    async def _ask(self, ask: Ask[T]) -> T:
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
            raise _away(error) from error
        if answer.status_code >= 400:
            raise error_of(answer.status_code, answer.content)
        return ask.read(answer.content)

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
            raise _away(error) from error


def _away(error: httpx.HTTPError) -> ServerAway:
    return ServerAway(f"cannot be reached: {str(error) or type(error).__name__}")
