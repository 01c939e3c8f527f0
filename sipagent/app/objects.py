"""Objects: what of calls is in object storage, found and removed with all else of them."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from sipagent.config.retention import Kind
from sipagent.store.bundle import CALL, SUMMARY, TIMELINE
from sipagent.store.models import MODELS
from sipagent.store.traces import Trace, Who
from sipagent.store.upload.bucket import Bucket, manifest
from sipagent.store.upload.receipts import MANIFEST, Receipt, Receipts
from sipagent.store.upload.spool import Spool, Waiting

#: files by what is in them
_HOLDING: dict[Kind, frozenset[str]] = {
    "recordings": frozenset({".wav", ".mp3", TIMELINE}),
    "transcripts": frozenset({CALL, SUMMARY, TIMELINE, MODELS}),
    "models": frozenset({MODELS}),
    "ladders": frozenset({CALL, TIMELINE}),
}
#: what is left of a bundle is sent again so many seconds after a part of it went
_SETTLED = 60.0


@dataclass(frozen=True, slots=True)
class Places:
    """Where bundles are: on their way, there, and here."""

    bucket: Bucket
    spool: Spool
    receipts: Receipts
    bundles: Path


class Objects:
    """A place of `Traces`, and one of those who are told what retention takes. `stop` keeps a call
    from being sent at the moment. Where the store is away, nothing is said to be gone.
    """

    def __init__(self, places: Places, stop: Callable[[str], Awaitable[None]]) -> None:
        self._places = places
        self._stop = stop

    async def find(self, who: Who) -> Sequence[Trace]:
        """See `Traces`."""
        count = waits = 0
        for call_id in sorted(who.calls):
            known, entry = await self._known(call_id)
            waits += entry is not None
            for prefix in _prefixes(known, entry):
                count += len(await self._places.bucket.names(prefix))
        found = (Trace("object storage", "objects", count), Trace("uploads", "bundles", waits))
        return [trace for trace in found if trace.count]

    async def erase(self, who: Who) -> int:
        """See `Traces`."""
        return sum([await self._erased(call_id) for call_id in sorted(who.calls)])

    async def gone(self, call_id: str, kind: Kind) -> None:
        """See `Gone`: a part of a bundle goes there, and what is left here is sent anew."""
        if kind == "records":
            await self._erased(call_id)
            return
        receipt, entry = await self._known(call_id)
        if receipt is None and entry is None:
            return
        await self._stop(call_id)
        for prefix in _prefixes(receipt, entry):
            names = await self._places.bucket.names(prefix)
            await self._places.bucket.delete([name for name in names if _holds(name, kind)])
        if receipt is not None:
            await self._put_without(receipt, kind)
        await asyncio.to_thread(self._send_again, call_id, receipt, entry)

    async def _erased(self, call_id: str) -> int:
        receipt, entry = await self._known(call_id)
        if receipt is None and entry is None:
            return 0
        await self._stop(call_id)
        count = int(entry is not None)
        for prefix in _prefixes(receipt, entry):
            names = await self._places.bucket.names(prefix)
            await self._places.bucket.delete(names)
            count += len(names)
        # last: where the store was away, somebody asks again
        await asyncio.to_thread(self._places.spool.drop, call_id)
        await asyncio.to_thread(self._places.receipts.drop, call_id)
        return count

    async def _put_without(self, receipt: Receipt, kind: Kind) -> None:
        left = tuple(sent for sent in receipt.files if not _holds(sent.name, kind))
        less = receipt.model_copy(update={"files": left})
        text = manifest(less.model_dump_json())
        await self._places.bucket.put(f"{less.prefix}/{MANIFEST}", text, "application/json")
        await asyncio.to_thread(self._places.receipts.change, less)

    def _send_again(self, call_id: str, receipt: Receipt | None, entry: Waiting | None) -> None:
        """Once what is here is without it, too."""
        folder = self._places.bundles / call_id
        if entry is None and receipt is not None and folder.is_dir():
            entry = Waiting(
                call_id=call_id, folder=folder, prefix=receipt.prefix, since=time.time()
            )
        if entry is not None:
            later = {"since": time.time(), "next_try": time.time() + _SETTLED}
            self._places.spool.put(entry.model_copy(update=later))

    async def _known(self, call_id: str) -> tuple[Receipt | None, Waiting | None]:
        try:
            entry = await asyncio.to_thread(self._places.spool.get, call_id)
        except ValueError:
            return None, None  # an id that is no file's name was never sent
        return await asyncio.to_thread(self._places.receipts.get, call_id), entry


def _prefixes(receipt: Receipt | None, entry: Waiting | None) -> set[str]:
    return {known.prefix for known in (receipt, entry) if known is not None}


def _holds(name: str, kind: Kind) -> bool:
    """Is that kind of data in a file, or an object, of this name?"""
    path = PurePosixPath(name)
    return not _HOLDING[kind].isdisjoint({path.name, path.suffix})
