"""ClusterCalls: the calls of all nodes, behind the doors of any of them."""

import asyncio
import secrets
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Mapping,
    Sequence,
)
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from sipagent.api.calls import (
    Calls,
    CallView,
    Done,
    Line,
    NodeGone,
    NodeSilent,
    Numbered,
    Origination,
    OutsideError,
    Page,
    Principal,
    UnknownCall,
)
from sipagent.call.cdr import Cdr
from sipagent.call.verb import Outcome
from sipagent.errors import SipAgentError
from sipagent.store.vault import Stored

from . import asks
from .fetching import PIECE_SECONDS, awaited, far_file
from .finding import Finder
from .nodes import Beat
from .others import Others
from .serving import LocalCalls
from .weave import woven

#: a page of one call's events is waited for so long, seconds, and its answer so long more
_FOLLOW, _BEYOND = 20.0, 3.0
#: calls are not longer
_LONGEST = timedelta(days=1)


class Placed(Protocol):
    """Records with the node that made them."""

    async def placed(self, call_id: str) -> tuple[str, Cdr] | None:
        """Of one call. Raises SipAgentError."""
        ...

    async def unfinished(self, since: datetime) -> list[tuple[str, Cdr]]:
        """Of calls that have no end, and began since then. Raises SipAgentError."""
        ...


class ClusterCalls:
    """`LiveCalls` of all nodes. `full` says why this node takes no calls, if it does not.

    A call that is over is read from the records all nodes share, its files from the node that has
    them. Nothing is kept here of what another node tells.
    """

    def __init__(
        self, local: LocalCalls, others: Others, records: Placed, full: Callable[[], str]
    ) -> None:
        self._local = local
        self._others = others
        self._nodes = others.nodes
        self._records = records
        self._full = full
        self.finder = Finder(others, local.has)

    async def list(self) -> Calls:
        """See `LiveCalls`. Calls of nodes that are gone stand there for as long as nobody has
        closed them.
        """
        live = self._nodes.live
        found = await asyncio.gather(*(self._listed(node) for node in live))
        views = [self._ours(view) for view in (await self._local.list()).calls]
        silent = []
        for node, calls in zip(live, found, strict=True):
            if calls is None:
                silent.append(node)
            else:
                views += calls
        known = {view.call_id for view in views}
        try:
            views += [view for view in await self._left_behind() if view.call_id not in known]
        except SipAgentError:  # what lives is told whatever becomes of the records
            silent += self._nodes.missing
        views.sort(key=lambda view: (str(view.started), view.call_id))
        return Calls(calls=tuple(views), silent=tuple(silent))

    async def get(self, call_id: str) -> CallView:
        """See `LiveCalls`."""
        node = await self.finder.live_at(call_id)
        if node is not None:
            about = asks.OfCall(call_id=call_id)
            view = await self._others.ask(node, "get", about, CallView, call_id=call_id)
            return view.model_copy(update={"node": node})
        try:
            view = await self._local.get(call_id)
        except UnknownCall:
            silent = await self.finder.settled()
            try:
                view = await self._local.get(call_id)
            except UnknownCall:
                if not silent:
                    raise
                why = f"nobody else knows the call, and {', '.join(silent)} did not answer"
                raise NodeSilent(why) from None
        if self._local.has(call_id):
            return self._ours(view)
        return await self._as_recorded(view)

    async def do(
        self, call_id: str, verb: str, arguments: Mapping[str, Any], who: Principal
    ) -> Outcome:
        """See `LiveCalls`. Raises NodeGone, NodeSilent, too."""
        node = await self.finder.live_at(call_id)
        if node is None:
            if not self._local.has(call_id):
                self._reachable(await self.get(call_id))
            return await self._local.do(call_id, verb, arguments, who)
        asked = asks.Do(
            call_id=call_id,
            id=secrets.token_hex(8),
            node=self._nodes.name,
            verb=verb,
            arguments=arguments,
            who=asks.Who.of(who),
        )
        try:
            done = await self._others.patiently(node, "do", asked, Done, call_id=call_id)
        except asyncio.CancelledError:
            self._others.bus.publish(asks.subject(node, "revoke"), asks.Revoke(id=asked.id))
            raise
        return Outcome(done.ok, done.detail, done.status, done.data)

    async def originate(self, wish: Origination, who: Principal) -> CallView:
        """See `LiveCalls`. While this node takes no calls, another one makes it."""
        node = self._roomiest() if self._full() else None
        if node is None:
            return self._ours(await self._local.originate(wish, who))
        asked = asks.Originate(wish=wish, who=asks.Who.of(who))
        view = await self._others.ask(node, "originate", asked, CallView, PIECE_SECONDS)
        self.finder.know(view.call_id, node)
        return view.model_copy(update={"node": node})

    async def events(
        self, call_id: str | None = None, after: int | None = None
    ) -> AsyncIterator[Numbered]:
        """See `LiveCalls`. Numbers mean the same at every node."""
        if call_id is None:
            async for item in woven(after, self._page_here, self._pages, self._left):
                yield item
            return
        node = await self.finder.live_at(call_id)
        if node is None:
            async for item in self._local.events(call_id, after):
                yield item
            if not self._local.has(call_id):
                self._reachable(await self.get(call_id))
            return
        while True:
            asked = asks.PageOf(call_id=call_id, after=after, seconds=_FOLLOW)
            found = await self._others.patiently(
                node, "events", asked, asks.EventPage, call_id=call_id
            )
            page = found.page()
            for item in page.items:
                yield item
            if page.over:
                return
            after = page.upto

    async def transcript(self, call_id: str) -> Sequence[Line]:
        """See `LiveCalls`."""
        node = await self.finder.live_at(call_id)
        if node is None:
            return await self._local.transcript(call_id)
        lines: list[Line] = []
        more = True
        while more:
            asked = asks.LinesFrom(call_id=call_id, start=len(lines))
            found = await self._others.ask(node, "transcript", asked, asks.Lines, call_id=call_id)
            lines += found.lines
            more = found.more and bool(found.lines)
        return lines

    async def recording(self, call_id: str, name: str | None = None) -> Stored | None:
        """See `LiveCalls`. One of another node is read from there, part by part; of one that is
        gone, from object storage where it is known here to be there.
        """
        try:
            node = await self.files_at(call_id)
        except NodeGone:
            if (file := await self._local.recording(call_id, name)) is None:
                raise
            return file
        if node is None:
            return await self._local.recording(call_id, name)
        asked = asks.RecordingOf(call_id=call_id, name=name)
        found = await self._others.ask(node, "recording", asked, asks.Recording, call_id=call_id)
        if not found.name:
            return None
        loop = asyncio.get_running_loop()

        def piece(offset: int, length: int) -> bytes:
            about = asks.PieceOf(call_id=call_id, name=found.name, offset=offset, length=length)
            work = self._others.fetch(node, "piece", about, PIECE_SECONDS)
            return awaited(work, loop)

        return Stored(
            Path(found.name),
            found.size,
            found.modified,
            lambda: far_file(found.size, piece),
        )

    async def files_at(self, call_id: str) -> str | None:
        """The other node that has a call's files; None where this one has, or is to say that
        nobody does. Raises NodeGone.
        """
        if self._local.has(call_id):
            return None
        node = await self.finder.live_at(call_id)
        if node is not None:
            return node
        placed = await self._records.placed(call_id)
        if placed is None:
            await self.finder.settled()
            placed = await self._records.placed(call_id)
        if placed is None or placed[0] in ("", self._nodes.name):
            return None
        if placed[0] not in self._nodes.live:
            raise NodeGone(f"the files of the call are on node {placed[0]}, which is gone")
        return placed[0]

    async def _listed(self, node: str) -> "Sequence[CallView] | None":
        """Of another node; None where it does not answer."""
        views: list[CallView] = []
        more = True
        try:
            while more:
                asked = asks.ListFrom(start=len(views))
                found = await self._others.ask(node, "list", asked, asks.Listed)
                views += found.calls
                more = found.more and bool(found.calls)
        except OutsideError:
            return None
        for view in views:
            self.finder.know(view.call_id, node)
        return [view.model_copy(update={"node": node}) for view in views]

    async def _left_behind(self) -> Sequence[CallView]:
        """Calls of nodes that are gone."""
        if not self._nodes.missing:
            return []
        here = {self._nodes.name, "", *self._nodes.live}
        return [
            _view(record).model_copy(update={"node": node, "node_gone": True})
            for node, record in await self._records.unfinished(datetime.now(UTC) - _LONGEST)
            if node not in here
        ]

    @staticmethod
    def _reachable(view: CallView) -> None:
        """Raises NodeGone for a call that may go on, where nobody can be asked."""
        if view.node_gone:
            raise NodeGone(f"the call is on node {view.node}, which is gone or cannot be reached")

    async def _as_recorded(self, view: CallView) -> CallView:
        """One that lives nowhere, as far as can be asked."""
        placed = await self._records.placed(view.call_id)
        if placed is None:
            return view
        node, record = placed
        known: dict[str, object] = {"node": node}
        if view.state != "ended" and record.ended is not None:
            names = ("ended", "ended_by", "reason", "status")
            known |= {"state": "ended", **{name: getattr(record, name) or "" for name in names}}
            known["status"] = record.status
        elif view.state != "ended":
            known["node_gone"] = node != self._nodes.name
        return view.model_copy(update=known)

    def _ours(self, view: CallView) -> CallView:
        return view.model_copy(update={"node": self._nodes.name})

    def _roomiest(self) -> str | None:
        def room(beat: Beat) -> int:
            return beat.capacity - beat.calls

        able = [b for b in self._nodes.presence.live if not b.why_not_ready and room(b) > 0]
        return max(able, key=room).node if able else None

    # Events of all.

    async def _page_here(self, after: int | None, seconds: float) -> Page:
        return await self._local.page(None, after, seconds)

    def _pages(self) -> "dict[str, Callable[[int | None, float], Awaitable[Page]]]":
        def of(node: str) -> Callable[[int | None, float], Awaitable[Page]]:
            return lambda after, seconds: self._page(node, after, seconds)

        return {node: of(node) for node in self._nodes.live}

    def _left(self) -> Collection[str]:
        return self._nodes.left

    async def _page(self, node: str, after: int | None, seconds: float) -> Page:
        asked = asks.PageOf(after=after, seconds=seconds)
        found = await self._others.ask(node, "events", asked, asks.EventPage, seconds + _BEYOND)
        return found.page()


def _view(record: Cdr) -> CallView:
    """As far as a record tells how a call stands."""
    return CallView(
        call_id=record.call_id,
        state="up" if record.answered is not None else "ringing",
        direction=record.direction,
        caller=record.caller,
        callee=record.callee,
        plan=record.plan,
        recordings=record.recordings,
        started=record.started,
        answered=record.answered,
    )
