"""Weave: the events of all nodes as one stream, in the order of their numbers.

Numbers are microseconds of the nodes' clocks, which follow the fastest of them. A page tells up to
which number a node has nothing more to say; what is below that of all nodes is told. So a number
means the same at every node: whoever reads at one may go on at another.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field

from sipagent.api.calls import Numbered, OutsideError, Page

#: a node with nothing to tell says so after this long, seconds: others are told so late
WAIT = 0.25

#: a page of events after a number
Pages = Callable[[int | None, float], Awaitable[Page]]


@dataclass(slots=True)
class _Lane:
    """What is known of one node: it has nothing more up to `upto`."""

    upto: int
    items: deque[Numbered] = field(default_factory=deque)


class Weave:
    """Fed with pages of nodes; what comes out only grows. A node that is lost is a gap."""

    def __init__(self, position: int) -> None:
        self.position = position
        self._lanes: dict[str, _Lane] = {}
        self._gap = False
        #: nodes that are known not to answer
        self._silent: set[str] = set()

    def nodes(self, names: Collection[str], left: Collection[str] = ()) -> None:
        """These take part from now on. Others are lost but those of `left`, which had told all."""
        for name in self._lanes.keys() - set(names):
            lane = self._lanes.pop(name)
            self._gap = self._gap or name not in left or bool(lane.items)
        for name in names:
            self._lanes.setdefault(name, _Lane(self.position))

    def wanted(self) -> dict[str, int]:
        """Who is to be asked for a page, after which number."""
        return {name: lane.upto for name, lane in self._lanes.items() if not lane.items}

    def took(self, name: str, page: Page) -> None:
        """A page of a node. What comes too late to be told in its place is a gap."""
        lane = self._lanes[name]
        self._silent.discard(name)
        for item in page.items:
            if item.seq > self.position:
                lane.items.append(item)
            else:
                self._gap = True
        lane.upto = max(lane.upto, page.upto)

    def lost(self, name: str) -> None:
        """A node did not answer; it may come back, from here on."""
        if self._lanes.pop(name, None) is not None and name not in self._silent:
            self._silent.add(name)
            self._gap = True

    def ready(self) -> list[Numbered]:
        """What can be told now."""
        told: list[Numbered] = []
        if self._gap:
            self._gap = False
            told.append(Numbered(self.position, None))
        # what a node has not said is after what it has
        horizon = min((lane.upto for lane in self._lanes.values()), default=self.position)
        found = []
        for lane in self._lanes.values():
            while lane.items and lane.items[0].seq <= horizon:
                found.append(lane.items.popleft())
        told += sorted(found, key=lambda item: item.seq)
        self.position = max(self.position, horizon)
        return told


async def woven(
    after: int | None,
    here: Pages,
    others: Callable[[], Mapping[str, Pages]],
    left: Callable[[], Collection[str]],
) -> AsyncIterator[Numbered]:
    """The events of all nodes after a number; None: from now on. `here` is this node; `left` are
    nodes that went in good order.
    """
    begin = (await here(None, 0.0)).upto
    weave = Weave(begin if after is None else min(after, begin))
    while True:
        pages: dict[str, Pages] = {"": here, **others()}
        weave.nodes(pages, left())
        asked = {
            name: asyncio.ensure_future(pages[name](upto, WAIT))
            for name, upto in weave.wanted().items()
        }
        try:
            if asked:
                await asyncio.wait(asked.values())
        finally:
            for task in asked.values():
                task.cancel()
        for name, task in asked.items():
            try:
                weave.took(name, task.result())
            except OutsideError:
                weave.lost(name)
        for item in weave.ready():
            yield item
