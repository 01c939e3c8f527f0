"""Everywhere: one caller is erased at all nodes; those that are away do it when they are back."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Protocol

import structlog

from sipagent.api.calls import OutsideError, Principal
from sipagent.api.keeping import Certificate, ErasureWish, NodeShare
from sipagent.errors import SipAgentError
from sipagent.store.orders import Order, OrderBook

from .erasing import Erasing

log = structlog.get_logger(__name__)
#: seconds between looks at what this node has still to do
_EVERY = 30.0


class Peers(Protocol):
    """The other nodes, as far as they can be asked."""

    me: str

    def others(self) -> Mapping[str, bool]:
        """Those that are known, and whether they live."""
        ...

    async def look(self, node: str, wish: ErasureWish, who: Principal) -> Certificate:
        """What a node would erase. Raises OutsideError."""
        ...

    async def settle(self, node: str, erasure: str) -> Certificate | None:
        """Have a node do what it is ordered to; None where it did so by itself meanwhile. Raises
        OutsideError.
        """
        ...

    def serve(
        self,
        look: Callable[[ErasureWish, Principal], Awaitable[Certificate]],
        settle: Callable[[str], Awaitable[Certificate | None]],
    ) -> None:
        """Answer the others."""
        ...


class NoPeers:
    """A command beside a node that does not run: the others are told by their orders alone."""

    def __init__(self, me: str) -> None:
        self.me = me

    def others(self) -> Mapping[str, bool]:
        """Nobody is heard."""
        return {}

    async def look(self, node: str, wish: ErasureWish, who: Principal) -> Certificate:
        """See `Peers`; never asked."""
        raise OutsideError(f"node {node} cannot be asked by a command")

    async def settle(self, node: str, erasure: str) -> Certificate | None:
        """See `Peers`; never asked."""
        raise OutsideError(f"node {node} cannot be asked by a command")

    def serve(
        self,
        look: Callable[[ErasureWish, Principal], Awaitable[Certificate]],
        settle: Callable[[str], Awaitable[Certificate | None]],
    ) -> None:
        """Nobody asks."""


class Everywhere:
    """What other nodes have to do is on record before anything is removed here, so that neither a
    crash nor an absence leaves anything behind.
    """

    def __init__(self, erasing: Erasing, book: OrderBook, peers: Peers) -> None:
        self._erasing = erasing
        self._book = book
        self._peers = peers
        self._turn = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        #: orders that cannot be carried out now, which was logged
        self._told: set[str] = set()
        peers.serve(erasing.erase, self.settle)

    def start(self) -> None:
        """Do what was ordered while we were away, and look for more."""
        self._task = asyncio.create_task(self._look_for_ever())

    async def close(self) -> None:
        """Idempotent."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        await self._book.close()

    async def erase(self, wish: ErasureWish, who: Principal) -> Certificate:
        """See `Keeper`."""
        known = dict(self._peers.others())

        async def begun(order: Order) -> None:
            for node in await self._book.nodes_of(order.subject.calls):
                known.setdefault(node, False)  # gone since before anybody here was listening
            known.pop(self._peers.me, None)
            if not wish.dry_run:
                await self._book.put([replace(order, node=node) for node in known])

        here = await self._erasing.erase(wish, who, begun=begun)
        asked = [self._share(node, known[node], here, wish, who) for node in sorted(known)]
        shares = await asyncio.gather(*asked)
        done = here.complete and all(share.state == "done" for share in shares)
        return here.model_copy(update={"nodes": tuple(shares), "complete": done})

    async def settle(self, erasure: str) -> Certificate | None:
        """Do this node's part of an erasure; None where it is done. Raises SipAgentError: it stays
        ordered.
        """
        async with self._turn:
            for order in await self._book.of(self._peers.me):
                if order.id == erasure:
                    return await self._settled(order)
        return None

    async def _share(
        self, node: str, lives: bool, here: Certificate, wish: ErasureWish, who: Principal
    ) -> NodeShare:
        if not lives:
            return NodeShare(node=node, state="waiting", why="it is away; it will when it is back")
        try:
            if wish.dry_run:
                looked = await self._peers.look(node, wish, who)
                return NodeShare(node=node, state="looked", found=looked.found)
            there = await self._peers.settle(node, here.id)
        except OutsideError as error:
            return NodeShare(node=node, state="waiting", why=str(error))
        if there is None:
            return NodeShare(node=node, state="done")
        return NodeShare(
            node=node,
            state="done" if there.complete else "left",
            found=there.found,
            erased=there.erased,
            left=there.left,
        )

    async def _settled(self, order: Order) -> Certificate:
        subject = order.subject
        wish = ErasureWish.model_validate({"caller": subject.caller, "as_party": subject.as_party})
        try:
            done = await self._erasing.erase(wish, Principal(subject.by), order=order)
        except OSError as error:
            raise OutsideError(str(error)) from error
        if done.complete:
            await self._book.done(order)
            self._told.discard(order.id)
            log.info("erasure_done_here", erasure=order.id, things=sum(done.erased.values()))
        return done

    async def _look_for_ever(self) -> None:
        while True:
            try:
                async with self._turn:
                    for order in await self._book.of(self._peers.me):
                        await self._try(order)
            except SipAgentError as error:
                log.warning("erasures_not_looked_for", cause=str(error))
            await asyncio.sleep(_EVERY)

    async def _try(self, order: Order) -> None:
        try:
            await self._settled(order)
        except SipAgentError as error:
            if order.id not in self._told:
                self._told.add(order.id)
                log.warning("erasure_waits", erasure=order.id, cause=str(error))
