"""Packing: the zip of a call that is over, from its record and its folder."""

import asyncio
from collections.abc import Callable, Collection, Iterator

from sipagent.api.calls import NotOver, Unreadable
from sipagent.call.privacy import Privacy
from sipagent.store.archive import Piece, Wish, archive_chunks
from sipagent.store.vault import VaultError

from .ledger import Ledger
from .live import Live


class Packer:
    """Behind the `Packer` of `api`. `privacy` is that of the settings in force."""

    def __init__(self, ledger: Ledger, live: Live, privacy: Callable[[], Privacy | None]) -> None:
        self._ledger = ledger
        self._live = live
        self._privacy = privacy

    async def pack(
        self, call_id: str, without: Collection[Piece], *, redact: bool
    ) -> Iterator[bytes]:
        """See `Packer`."""
        record = self._ledger.record(call_id)
        if record is not None and record.events and not record.over:
            raise NotOver("the call goes on; its bundle is whole when it is over")
        events = list(await self._live.known(call_id))
        privacy = self._privacy()
        wish = Wish.of(without, privacy.redact if privacy is not None else (), redact=redact)
        chunks = archive_chunks(self._live.folder(call_id), events, wish, self._ledger.files)
        # the first is made now: what cannot be packed is an error, and not half an answer
        try:
            first = await asyncio.to_thread(next, chunks)
        except VaultError as error:
            raise Unreadable(str(error)) from error
        return _with(first, chunks)


def _with(first: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from chunks
