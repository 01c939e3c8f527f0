"""BlockingSipAgent: a running server, for programs without asyncio: `SipAgent`, word for word."""

import time
from collections.abc import Iterator, Sequence
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


class BlockingSipAgent:
    """The server at `url`, with a token of it: a context manager.

    Whatever it does raises ServerAway where nobody answers, and ApiError, by its kind, for what the
    server says no to. What policy or the far end refuses of a verb is no error but `Done.ok`.
    """

    def __init__(self, url: str, token: str, *, program: str = "api") -> None:
        self._http = httpx.Client(
            base_url=url.rstrip("/"),
            headers={"authorization": f"Bearer {token}", "sipagent-client": program},
            timeout=PATIENCE,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def calls(self) -> Sequence[CallView]:
        """The calls that live, the oldest first."""
        return (self.ask(asks.calls())).calls

    def call(self, call_id: str) -> CallView:
        """One call, live or on record."""
        return self.ask(asks.call(call_id))

    def originate(self, to: str, **keys: Any) -> CallView:
        """Call somebody; `keys` are those of `Origination`: plan, agent, variables, timeout, ..."""
        return self.ask(asks.originate(Origination(to=to, **keys)))

    def do(self, call_id: str, verb: str, **arguments: Any) -> Done:
        """Run a verb on a live call, and wait for how it came out."""
        return self.ask(asks.do(call_id, verb, arguments))

    def events(
        self, call_id: str | None = None, *, after: int | None = None, types: Sequence[str] = ()
    ) -> Iterator[Numbered]:
        """Events from the one after `after` on (None: from now on): of one call until it ends, or
        of all without end. A connection that breaks is made again, and nothing is lost or told
        twice; where the server keeps what was missed no more, an item without event says so.
        """
        if call_id is not None and after is None:
            after = (self.call(call_id)).last_event
        following = Following(call_id, after, types)
        while True:
            why: Exception | None = None
            try:
                yield from self._stream(following)
                if call_id is not None and (following.over or self.call(call_id).state == "ended"):
                    return
            except (ServerAway, ApiError) as error:
                why = error
            time.sleep(following.wait(why))

    def transcript(self, call_id: str) -> Sequence[Line]:
        """Who said what so far."""
        return (self.ask(asks.transcript(call_id))).lines

    def recording(self, call_id: str, name: str) -> bytes:
        """A finished recording, by its name in `CallView.recordings`."""
        return self.ask(asks.recording(call_id, name))

    def records(self, wanted: Search | None = None, **keys: Any) -> Iterator[Cdr]:
        """Calls on record and calls that live, the newest first; `keys` are those of `Search`."""
        search, after = wanted or Search(**keys), ""
        while True:
            page = self.ask(asks.records(search, 200, after))
            yield from page.records
            if not (after := page.after):
                return

    def record(self, call_id: str) -> Cdr:
        """The record of one call, so far where it lives."""
        return self.ask(asks.record(call_id))

    def story(self, call_id: str) -> Story:
        """Transcript, tools, policy, waterfall and SIP ladder of one call."""
        return self.ask(asks.story(call_id))

    def timeline(self, call_id: str) -> str:
        """Its picture, SVG."""
        return self.ask(asks.timeline(call_id))

    def status(self) -> Status:
        """The server."""
        return self.ask(asks.status())

    def trunks(self) -> Sequence[TrunkStatus]:
        """Its trunks, and how they do."""
        return (self.ask(asks.trunks())).trunks

    def phones(self) -> Sequence[Phone]:
        """Its phones, and where they are."""
        return (self.ask(asks.phones())).phones

    def dialplans(self) -> Dialplans:
        """Its dialplans, with findings."""
        return self.ask(asks.dialplans())

    def graph(self, name: str) -> PlanGraph:
        """A dialplan as nodes and edges."""
        return self.ask(asks.graph(name))

    def check(self, document: str) -> Checked:
        """What is wrong with a dialplan, YAML or JSON; it is not loaded."""
        return self.ask(asks.check(document))

    def reload(self) -> Reloaded:
        """Have settings and dialplans read again."""
        return self.ask(asks.reload())

    def nodes(self) -> NodesView:
        """The nodes of its cluster, and how each does."""
        return self.ask(asks.nodes())

    def drain(self, node: str = "") -> Draining:
        """Have the server, or that node of its cluster, take no new calls: live ones go on."""
        return self.ask(asks.drain(node))

    def undrain(self, node: str = "") -> Draining:
        """Have it take calls again."""
        return self.ask(asks.undrain(node))

    def draining(self, node: str = "") -> Draining:
        """Whether it takes calls, and how many live."""
        return self.ask(asks.draining(node))

    def retention(self) -> RetentionView:
        """How long records stay, what is due now and soon, and which calls are on hold."""
        return self.ask(asks.retention())

    def erase(self, caller: str, **keys: Any) -> Certificate:
        """Remove all that is known of one caller; `as_party` and `dry_run` as in the API."""
        return self.ask(asks.erase(ErasureWish(caller=caller, **keys)))

    def ask(self, ask: Ask[T]) -> T:
        """Any request of `client.asks`."""
        try:
            answer = self._http.request(
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

    def chunks(self, ask: Ask[bytes]) -> Iterator[bytes]:
        """The bytes of an answer as they come, for what is too large to be held."""
        try:
            with self._http.stream(
                ask.method, ask.path, params=ask.params, timeout=PATIENCE
            ) as answer:
                if answer.status_code >= 400:
                    raise error_of(answer.status_code, answer.read())
                yield from answer.iter_bytes()
        except httpx.HTTPError as error:
            raise away(error, self._http.base_url) from error

    def _stream(self, following: Following) -> Iterator[Numbered]:
        patience = httpx.Timeout(PATIENCE, read=SILENCE)
        try:
            with self._http.stream(
                "GET", following.path, params=following.params, timeout=patience
            ) as answer:
                if answer.status_code >= 400:
                    raise error_of(answer.status_code, answer.read())
                for line in answer.iter_lines():
                    if (item := following.line(line)) is not None:
                        yield item
        except httpx.HTTPError as error:
            raise away(error, self._http.base_url) from error
