"""Packer: the bundles of calls that are over, as the doors of this room are given them."""

from collections.abc import Collection, Iterator
from typing import Protocol

from sipagent.store.archive import Piece


class Packer(Protocol):
    """Makes zips of calls."""

    async def pack(
        self, call_id: str, without: Collection[Piece], *, redact: bool
    ) -> Iterator[bytes]:
        """The zip of a call that is over, in pieces, each made when it is wanted; read it in a
        thread. Raises UnknownCall, NotOver.
        """
        ...
