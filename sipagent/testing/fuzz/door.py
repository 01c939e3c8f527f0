"""The front door under damaged messages: what it answered, and that nothing of them is left."""

import asyncio
import gc
import itertools
import re
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from sipagent.config import Limits, Listener, Phone, Settings, Sip
from sipagent.edge.desk import Address, Admitted, Leaving, NewCall, NewText, Refused, Rung
from sipagent.edge.front import Edge
from sipagent.edge.headers import Bad
from sipagent.edge.message import parse
from sipagent.edge.timers import Timers
from sipagent.errors import SipAgentError
from sipagent.testing.frontdoor import TcpPeer, UdpPeer

from .mutator import Mutator

#: messages between two looks at whether the door still answers
BATCH = 50
#: of each so many batches one goes over TCP
_TCP_EVERY = 5
_PATIENCE = 20.0
_LOOK = 0.1
_TIMERS = Timers(t1=0.05, t2=0.2, give_up=1.0, admit=2.0, reach=1.0, linger=1.0, sweep=0.1)
_STATUS = re.compile(rb"SIP/2\.0 ([0-9]{3}) ")


class FuzzFailed(SipAgentError):
    """The door stopped answering."""


@dataclass
class Report:
    """What came of it. Memory in bytes; `before` is measured when a tenth has been sent."""

    seed: int
    sent: dict[str, int] = field(default_factory=lambda: {"udp": 0, "tcp": 0})
    answers: Counter[int] = field(default_factory=Counter)
    seconds: float = 0.0
    slowest_batch: float = 0.0
    exceptions: int = 0
    bad: int = 0
    admitted: int = 0
    memory: tuple[int, int] = (0, 0)
    descriptors: tuple[int, int] = (0, 0)
    transactions: int = 0
    dialogs: int = 0
    clean_call: bool = False

    @property
    def faults(self) -> list[str]:
        """What should not be, in words."""
        grown = self.memory[1] - self.memory[0]
        found = {
            f"{self.exceptions} exceptions": self.exceptions,
            f"memory grew by {grown >> 20} MiB": grown > 32 << 20,
            f"descriptors {self.descriptors[0]} -> {self.descriptors[1]}": self.descriptors[1]
            > self.descriptors[0],
            f"{self.transactions} transactions left": self.transactions,
            f"{self.dialogs} dialogs left": self.dialogs,
            "a clean call was not answered": not self.clean_call,
        }
        return [words for words, wrong in found.items() if wrong]

    def __str__(self) -> str:
        total = sum(self.sent.values())
        rate = total / self.seconds if self.seconds else 0.0
        answers = ", ".join(f"{status}: {n}" for status, n in sorted(self.answers.items()))
        before, after = (size / (1 << 20) for size in self.memory)
        return (
            f"seed {self.seed}: {total} messages ({self.sent['udp']} UDP, {self.sent['tcp']} TCP)"
            f" in {self.seconds:.0f} s, {rate:.0f}/s,"
            f" slowest {BATCH} in {self.slowest_batch:.2f} s\n"
            f"refused as malformed {self.bad}, INVITEs given to a worker {self.admitted}\n"
            f"answers {answers or 'none'}\n"
            f"memory {before:.1f} -> {after:.1f} MiB, descriptors {self.descriptors[0]} ->"
            f" {self.descriptors[1]}, transactions left {self.transactions},"
            f" dialogs left {self.dialogs}\n"
            f"{'FAULTS: ' + '; '.join(self.faults) if self.faults else 'no faults'}"
        )


class _Desk:
    """Gives every call to one worker, and takes every text."""

    def __init__(self) -> None:
        self.worker: Address = ("", 0)

    async def admit(self, call: NewCall) -> Admitted:
        return Admitted("fuzzed", self.worker)

    def closed(self) -> Refused | None:
        return None

    async def text(self, text: NewText) -> int:
        return 202

    def leaves(self, call: Leaving) -> None:
        """Let it."""

    def expects(self, number: str) -> bool:
        """See `Desk`: none."""
        return False

    def abandoned(self, token: str) -> None:
        """It is there for all."""

    def saw(self, rung: Rung) -> None:
        """Nobody draws it."""


class _Worker(UdpPeer):
    """Refuses what it can read, answers what is clean; says nothing to the rest, as pjsip would."""

    edge: Address = ("", 0)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        with suppress(Bad):
            request = parse(data)
            if request.is_request and request.method != b"ACK":
                clean = request.method != b"INVITE" or request.call_id.startswith(b"clean")
                host, port = self.local
                contact = f"sip:w.fuzzed@{host}:{port}"
                status = 200 if clean else 486
                self.respond(request, status, self.edge, tag="worker", contact=contact)


async def fuzz_door(
    mutator: Mutator, messages: int, *, seed: int, progress: Callable[[int], None] = lambda n: None
) -> Report:
    """Send that many damaged messages to a front door of its own. Raises FuzzFailed."""
    listen = (Listener(port=0), Listener(transport="tcp", port=0))
    desk = _Desk()
    phones = {"user": Phone.model_validate({"password": "secret"})}
    settings = Settings(
        sip=Sip(listen=listen), phones=phones, limits=Limits(calls_per_second=1_000_000)
    )
    edge = Edge(settings, desk, timers=_TIMERS)
    await edge.start()
    worker = await _Worker.open()
    assert isinstance(worker, _Worker)
    worker.edge, desk.worker = edge.internal_address, worker.local
    edge.worker_ready("fuzzed", worker.local)
    report = Report(seed)
    began = time.perf_counter()
    try:
        await _send_all(edge, mutator, messages, report, progress)
        report.seconds = time.perf_counter() - began
        await _settle(edge, worker, report)
    finally:
        worker.close()
        await edge.close()
    return report


async def _send_all(
    edge: Edge, mutator: Mutator, messages: int, report: Report, progress: Callable[[int], None]
) -> None:
    udp, tcp = edge.public_address, dict(edge.bound)["TCP"]
    phone = await UdpPeer.open()
    mutator.here = f"{phone.local[0]}:{phone.local[1]}"
    try:
        for number in itertools.count():
            done = sum(report.sent.values())
            if done >= messages:
                return
            if not report.memory[0] and done * 10 >= messages:
                report.memory = _memory(), 0
                report.descriptors = _descriptors(), 0
            size = min(BATCH, messages - done)
            batch = [next(mutator) for _ in range(size)]
            began = time.perf_counter()
            if number % _TCP_EVERY:
                for data in batch:
                    phone.send(data, udp)
                report.sent["udp"] += size
            else:
                await _over_tcp(batch, tcp, report)
                report.sent["tcp"] += size
            await _answered(phone, udp, number, report)
            report.slowest_batch = max(report.slowest_batch, time.perf_counter() - began)
            progress(done + size)
    finally:
        phone.close()


async def _over_tcp(batch: list[bytes], door: Address, report: Report) -> None:
    """One connection after the other: what spoils the framing ends its own."""
    peer = await TcpPeer.connect(door)
    for data in batch:
        peer.send(data)
        await asyncio.sleep(0)
        if peer.ended.is_set():
            await peer.close()
            peer = await TcpPeer.connect(door)
    await asyncio.sleep(0.01)
    while not peer.silent():
        _count(await peer.raw(), report)
    await peer.close()


async def _answered(phone: UdpPeer, door: Address, number: int, report: Report) -> None:
    """Wait for the answer to a clean OPTIONS behind the batch, counting what comes before."""
    marker = f"marker{number}@fuzz"
    options = phone.request("OPTIONS", f"sip:x@{door[0]}:{door[1]}", call_id=marker)
    phone.send(options, door)
    try:
        while marker.encode() not in (data := await phone.raw(_PATIENCE)):
            _count(data, report)
    except TimeoutError as error:
        raise FuzzFailed(f"no answer after batch {number} of seed {report.seed}") from error


def _count(data: bytes, report: Report) -> None:
    match = _STATUS.match(data)
    if match:
        report.answers[int(match[1])] += 1


async def _settle(edge: Edge, worker: _Worker, report: Report) -> None:
    """A clean call, then what is left once everything has had its time."""
    phone = await UdpPeer.open()
    door = edge.public_address
    phone.send(phone.request("INVITE", f"sip:100@{door[0]}:{door[1]}", call_id="clean@fuzz"), door)
    with suppress(TimeoutError):
        await phone.get(200, _PATIENCE)
        bye = {"call_id": "clean@fuzz", "to_tag": "worker"}
        uri = f"sip:w.fuzzed@{door[0]}:{door[1]}"
        phone.send(phone.request("ACK", uri, **bye), door)  # type: ignore[arg-type]
        phone.send(phone.request("BYE", uri, cseq=2, **bye), door)  # type: ignore[arg-type]
        await phone.get(200, _PATIENCE)
        report.clean_call = True
    phone.close()
    for _ in range(int(_PATIENCE / _LOOK)):
        if not edge.transactions and _descriptors() <= report.descriptors[0]:
            break
        await asyncio.sleep(_LOOK)
    gc.collect()
    report.memory = report.memory[0], _memory()
    report.descriptors = report.descriptors[0], _descriptors()
    report.transactions, report.dialogs = edge.transactions, edge.dialogs
    counters = edge.counters
    report.exceptions, report.bad = counters.exceptions, counters.bad
    report.admitted = counters.admitted


def _memory() -> int:
    for line in Path("/proc/self/smaps_rollup").read_text().splitlines():
        if line.startswith("Rss:"):
            return int(line.split()[1]) * 1024
    return 0


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
