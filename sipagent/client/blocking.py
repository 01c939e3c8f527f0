"""BlockingSipAgent: a running server, for programs without asyncio: `SipAgent`, word for word."""

import time
from collections.abc import Iterator, Sequence
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


class BlockingSipAgent:
    """The server at `url`, with a token of it: a context manager.

    Whatever it does raises ServerAway where nobody answers, and ApiError, by its kind, for what the
    server says no to. What policy or the far end refuses of a verb is no error but `Done.ok`.
    """

    def __init__(self, url: str, token: str) -> None:
        self._http = httpx.Client(
            base_url=url.rstrip("/"),
            headers={"authorization": f"Bearer {token}"},
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
        return (self._ask(asks.calls())).calls

    def call(self, call_id: str) -> CallView:
        """One call, live or on record."""
        return self._ask(asks.call(call_id))

    def originate(self, to: str, **keys: Any) -> CallView:
        """Call somebody; `keys` are those of `Origination`: plan, agent, variables, timeout, ..."""
        return self._ask(asks.originate(Origination(to=to, **keys)))

    def do(self, call_id: str, verb: str, **arguments: Any) -> Done:
        """Run a verb on a live call, and wait for how it came out."""
        return self._ask(asks.do(call_id, verb, arguments))

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
        return (self._ask(asks.transcript(call_id))).lines

    def recording(self, call_id: str, name: str) -> bytes:
        """A finished recording, by its name in `CallView.recordings`."""
        return self._ask(asks.recording(call_id, name))

    def records(self, wanted: Search | None = None, **keys: Any) -> Iterator[Cdr]:
        """Calls on record and calls that live, the newest first; `keys` are those of `Search`."""
        search, after = wanted or Search(**keys), ""
        while True:
            page = self._ask(asks.records(search, 200, after))
            yield from page.records
            if not (after := page.after):
                return

    def record(self, call_id: str) -> Cdr:
        """The record of one call, so far where it lives."""
        return self._ask(asks.record(call_id))

    def story(self, call_id: str) -> Story:
        """Transcript, tools, policy, waterfall and SIP ladder of one call."""
        return self._ask(asks.story(call_id))

    def timeline(self, call_id: str) -> str:
        """Its picture, SVG."""
        return self._ask(asks.timeline(call_id))

    def status(self) -> Status:
        """The server."""
        return self._ask(asks.status())

    def trunks(self) -> Sequence[TrunkStatus]:
        """Its trunks, and how they do."""
        return (self._ask(asks.trunks())).trunks

    def phones(self) -> Sequence[Phone]:
        """Its phones, and where they are."""
        return (self._ask(asks.phones())).phones

    def dialplans(self) -> Dialplans:
        """Its dialplans, with findings."""
        return self._ask(asks.dialplans())

    def graph(self, name: str) -> PlanGraph:
        """A dialplan as nodes and edges."""
        return self._ask(asks.graph(name))

    def check(self, document: str) -> Checked:
        """What is wrong with a dialplan, YAML or JSON; it is not loaded."""
        return self._ask(asks.check(document))

    def reload(self) -> Reloaded:
        """Have settings and dialplans read again."""
        return self._ask(asks.reload())

    def retention(self) -> RetentionView:
        """How long records stay, what is due now and soon, and which calls are on hold."""
        return self._ask(asks.retention())

    def erase(self, caller: str, **keys: Any) -> Certificate:
        """Remove all that is known of one caller; `as_party` and `dry_run` as in the API."""
        return self._ask(asks.erase(ErasureWish(caller=caller, **keys)))

    def _ask(self, ask: Ask[T]) -> T:
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
            raise _away(error) from error
        if answer.status_code >= 400:
            raise error_of(answer.status_code, answer.content)
        return ask.read(answer.content)

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
            raise _away(error) from error


def _away(error: httpx.HTTPError) -> ServerAway:
    return ServerAway(f"cannot be reached: {str(error) or type(error).__name__}")
