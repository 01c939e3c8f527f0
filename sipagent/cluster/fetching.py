"""Fetching: files of calls that are on another node, read from there while they are sent on."""

import asyncio
import io
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterator
from typing import Any, BinaryIO, cast

from sipagent.api.calls import OutsideError
from sipagent.api.packer import Packer
from sipagent.store.archive import Piece
from sipagent.store.ranged import Ranged

from . import asks
from .others import Others

#: seconds for a piece of a file
PIECE_SECONDS = 10.0


class ClusterPacker:
    """`Packer` of all nodes: the zip of another node's call is fetched while it is made there."""

    def __init__(
        self, local: Packer, files_at: Callable[[str], Awaitable[str | None]], others: Others
    ) -> None:
        self._local = local
        self._files_at = files_at
        self._others = others

    async def pack(
        self, call_id: str, without: Collection[Piece], *, redact: bool
    ) -> Iterator[bytes]:
        """See `Packer`. Raises NodeGone, NodeSilent, too."""
        node = await self._files_at(call_id)
        if node is None:
            return await self._local.pack(call_id, without, redact=redact)
        asked = asks.Pack(call_id=call_id, without=tuple(without), redact=redact)
        ticket = await self._others.ask(
            node, "pack", asked, asks.Ticket, PIECE_SECONDS, call_id=call_id
        )
        loop = asyncio.get_running_loop()

        def fetched() -> Iterator[bytes]:
            while piece := awaited(self._others.fetch(node, "zip", ticket, PIECE_SECONDS), loop):
                yield piece

        return fetched()


class _FarFile(Ranged):
    def __init__(self, size: int, piece: Callable[[int, int], bytes]) -> None:
        super().__init__()
        self.size = size
        self._piece = piece

    def _piece_at(self, place: int, most: int) -> bytes:
        """Raises OSError where the node does not give it."""
        try:
            return self._piece(place, min(most, asks.PIECE))
        except OutsideError as error:
            raise OSError(str(error)) from error


def far_file(size: int, piece: Callable[[int, int], bytes]) -> BinaryIO:
    """A file at another node, for threads that read it; `piece` gives bytes by offset and length.
    Reading raises OSError where the node does not give them.
    """
    return cast(BinaryIO, io.BufferedReader(_FarFile(size, piece), asks.PIECE))


def awaited(work: Coroutine[Any, Any, bytes], loop: asyncio.AbstractEventLoop) -> bytes:
    """From a thread: what a coroutine of the loop gives. Raises OutsideError."""
    return asyncio.run_coroutine_threadsafe(work, loop).result()
