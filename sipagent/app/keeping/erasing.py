"""Erasing: all that is known of one person, found and removed everywhere, and certified."""

import asyncio
import hmac
import secrets
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from sipagent.api.calls import NoRoomNow, Principal
from sipagent.api.keeping import Certificate, ErasureWish, Found, Nobody, StillLive
from sipagent.call.numbers import NumberPlan
from sipagent.events import CallerErased
from sipagent.store.chain_file import GONE
from sipagent.store.orders import Order, Subject
from sipagent.store.parties import Calls
from sipagent.store.removal import Removal
from sipagent.store.traces import Trace, Traces, Who, spellings_of
from sipagent.store.vault import Files

from .chronicle import Chronicle
from .strays import bundled, folders, spooled

ELSEWHERE = (
    "zips of calls that were written or sent elsewhere",
    "the log on stderr, where whoever runs this server keeps it: numbers stand in it",
    "what webhooks, servers of functions and SWML, models and speech vendors were told",
    "backups, and what a database server keeps of its own (write-ahead log, replicas)",
)
#: a call without an end lives while it began less long ago, seconds
_LONGEST_CALL = 172_800


@dataclass(frozen=True, slots=True)
class Ground:
    """What erasing works on. `busy` gives ids of calls that live or are still being written, with
    whoever is known to be in them; `spool` the files of events the database has not got.
    """

    removal: Removal
    folder: Path
    files: Files
    secret: Callable[[], bytes]
    plans: Callable[[], Sequence[NumberPlan]]
    busy: Callable[[], Sequence[tuple[str, Collection[str]]]]
    spool: Callable[[], Sequence[Path]]
    flush: Callable[[], Awaitable[None]]


class Erasing:
    """One at a time. `places` are asked in their order; the first may refuse."""

    def __init__(
        self,
        ground: Ground,
        places: Sequence[Traces],
        chronicle: Chronicle,
        tell: Callable[[CallerErased], None],
    ) -> None:
        self._ground = ground
        self.places = list(places)
        self._chronicle = chronicle
        self._tell = tell
        self._turn = asyncio.Lock()

    async def erase(
        self,
        wish: ErasureWish,
        who: Principal,
        *,
        order: Order | None = None,
        begun: Callable[[Order], Awaitable[None]] | None = None,
    ) -> Certificate:
        """See `Keeper`. It goes on where who asked does not wait. `order`: it began at another
        node. `begun` is told what other nodes have to know, before anything is removed.
        """
        if self._turn.locked():
            raise NoRoomNow("another caller is being erased; ask again when that is done")
        async with self._turn:
            return await self._erased(wish, who, order, begun)

    async def _erased(
        self,
        wish: ErasureWish,
        who: Principal,
        order: Order | None,
        begun: Callable[[Order], Awaitable[None]] | None,
    ) -> Certificate:
        ground = self._ground
        spellings = spellings_of(wish.caller, ground.plans())
        if not spellings:
            raise Nobody(f"{wish.caller!r} is nobody: withheld numbers are never kept")
        await ground.flush()
        calls = await self._calls(Who(spellings))
        if order is not None:
            calls = _ordered(calls, order)
        self._refuse_live(Who(spellings), calls)
        wanted = calls.made | (calls.met if wish.as_party == "any" else set())
        held = {hold.call_id for hold in await ground.removal.holds()} & wanted
        subject = Who(
            spellings | calls.names,
            frozenset(wanted - held),
            since=_since(calls, wanted, order),
            until=time.time() if order is None else order.at.timestamp(),
        )
        key = hmac.digest(ground.secret(), b"erasure " + min(spellings).encode(), "sha256")
        certificate = Certificate(
            id=f"erasure-{secrets.token_hex(6)}" if order is None else order.id,
            at=datetime.now(UTC),
            by=who.by,
            subject=key.hex()[:32],
            as_party=wish.as_party,
            dry_run=wish.dry_run,
            calls=len(subject.calls),
            other_party=0 if wish.as_party == "any" else len(calls.met),
            on_hold=len(held),
            found=_shown(await self._found(subject)),
            elsewhere=ELSEWHERE,
        )
        if begun is not None:
            await begun(_order(certificate, wish, subject, frozenset(calls.names)))
        return certificate if wish.dry_run else await self._remove(subject, certificate)

    async def _remove(self, subject: Who, certificate: Certificate) -> Certificate:
        erased: dict[str, int] = {}
        for place in self.places:
            names = [trace.place for trace in await place.find(subject)]
            if count := await place.erase(subject):
                # what nothing was found of a moment ago came since
                name = names[0] if names else type(place).__name__
                erased[name] = erased.get(name, 0) + count
        await self._ground.removal.settle()
        left = await self._found(subject)
        done = certificate.model_copy(
            update={
                "erased": erased,
                "left": _shown(left),
                "complete": not left,
            }
        )
        things = sum(erased.values())
        self._chronicle.put(GONE, calls=sorted(subject.calls), why=done.id)
        told = done.model_dump(mode="json", exclude={"elsewhere", "version", "at", "nodes"})
        self._chronicle.put("erasure", **told)
        await self._chronicle.flush()
        self._tell(
            CallerErased(
                call_id="", erasure=done.id, by=done.by, calls=done.calls, things=things,
                complete=done.complete,
            )
        )  # fmt: skip
        return done

    async def _calls(self, who: Who) -> Calls:
        """On record, and those the database does not know."""
        ground = self._ground
        found = await ground.removal.calls_of(who)
        names = await asyncio.to_thread(folders, ground.folder)
        strange = names - await ground.removal.on_record(names)
        known = await asyncio.to_thread(
            lambda: list(bundled(ground.folder, strange, who, ground.files))
        )
        found.made |= {call_id for call_id, made in known if made}
        found.made |= await asyncio.to_thread(lambda: set(spooled(ground.spool(), who)))
        found.met |= {call_id for call_id, made in known if not made} - found.made
        return found

    def _refuse_live(self, who: Who, calls: Calls) -> None:
        """Raises StillLive."""
        for call_id, parties in self._ground.busy():
            theirs = call_id in calls.made or call_id in calls.met
            if theirs or any(who.is_(party) for party in parties):
                raise StillLive(
                    f"the call {call_id} of theirs goes on, or is still being written; ask again "
                    "when it is over"
                )
        now = datetime.now(UTC)
        for call_id in calls.unfinished:
            began = calls.began.get(call_id)
            if began is not None and (now - began).total_seconds() < _LONGEST_CALL:
                raise StillLive(
                    f"the call {call_id} of theirs has no end on record: it goes on at another "
                    "server, or one that was killed has to be started to close it"
                )

    async def _found(self, who: Who) -> list[Trace]:
        return [trace for place in self.places for trace in await place.find(who)]


def _ordered(calls: Calls, order: Order) -> Calls:
    """What was found here, and what was found where it began; calls of theirs since then stay."""
    newer = {call_id for call_id, began in calls.began.items() if began > order.at}
    return replace(
        calls,
        made=(calls.made - newer) | order.subject.calls,
        met=calls.met - newer - order.subject.calls,
        names=calls.names | order.subject.names,
    )


def _since(calls: Calls, wanted: Collection[str], order: Order | None) -> float | None:
    """When the first of these calls began, as far as anybody knows."""
    began = [calls.began[call_id].timestamp() for call_id in wanted if call_id in calls.began]
    if order is not None and order.subject.since is not None:
        began.append(order.subject.since)
    return min(began, default=None)


def _order(begun: Certificate, wish: ErasureWish, who: Who, names: frozenset[str]) -> Order:
    """What other nodes have to know of it."""
    subject = Subject(wish.caller, wish.as_party, begun.by, who.calls, names, who.since)
    return Order(begun.id, "", begun.at, subject)


def _shown(traces: Sequence[Trace]) -> tuple[Found, ...]:
    return tuple(Found(place=t.place, what=t.what, count=t.count) for t in traces)
