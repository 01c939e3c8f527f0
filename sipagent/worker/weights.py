"""Weights: what a server's processes use and hold, as the kernel has it (proc(5))."""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Kind(StrEnum):
    """What a process of the tree does."""

    GATEWAY = "gateway"
    #: workers are forked from it; and what else the gateway keeps beside itself
    ZYGOTE = "zygote"
    #: one conversation, or none yet
    WORKER = "worker"


#: whose children it waits for when they end, and so whose time it carries on
_WAITS_FOR = {Kind.GATEWAY: Kind.ZYGOTE, Kind.ZYGOTE: Kind.WORKER, Kind.WORKER: Kind.WORKER}


@dataclass(frozen=True, slots=True)
class Weight:
    """Of one kind of process, all of them together: how many live, CPU seconds so far (of those
    that ended, too), resident memory in bytes.
    """

    processes: int = 0
    cpu_seconds: float = 0.0
    resident_bytes: int = 0

    def __add__(self, other: "Weight") -> "Weight":
        return Weight(
            self.processes + other.processes,
            self.cpu_seconds + other.cpu_seconds,
            self.resident_bytes + other.resident_bytes,
        )


def family(gateway: int) -> Iterator[tuple[int, Kind]]:
    """The processes of a server by the pid of its gateway: itself, its children, and theirs."""
    yield gateway, Kind.GATEWAY
    for child in children(gateway):
        yield child, Kind.ZYGOTE
        for worker in below(child):
            yield worker, Kind.WORKER


def weigh(gateway: int) -> dict[Kind, Weight]:
    """What each kind uses; a tenth of a millisecond a process."""
    found = dict.fromkeys(Kind, Weight())
    for pid, kind in family(gateway):
        own, ended = _times(pid)
        found[kind] += Weight(1, own, resident(pid))
        found[_WAITS_FOR[kind]] += Weight(0, ended)
    return found


def children(pid: int) -> list[int]:
    """The processes it forked that live."""
    found: list[int] = []
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with suppress(OSError):
                found += [int(child) for child in (task / "children").read_text().split()]
    return found


def below(pid: int) -> list[int]:
    """Its children, and theirs."""
    return [other for child in children(pid) for other in (child, *below(child))]


def cpu_seconds(pid: int) -> float:
    """Its own time and that of the children it has waited for; 0 where there is none."""
    return sum(_times(pid))


def _times(pid: int) -> tuple[float, float]:
    """Seconds: its own, and those of the children it has waited for."""
    with suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        user, system, others_user, others_system = (int(fields[index]) for index in range(11, 15))
        return (user + system) / _TICKS, (others_user + others_system) / _TICKS
    return 0.0, 0.0


def resident(pid: int) -> int:
    """Resident memory, what it shares with others too, in bytes; 0 where there is none."""
    with suppress(OSError, IndexError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    return 0


def proportional(pid: int) -> int:
    """Memory with its share of what others use too (PSS), bytes; 0 where there is none. The
    kernel holds the process up while it counts, for a millisecond or so.
    """
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


def descriptors(pid: int) -> int:
    """Files and sockets it has open; 0 where there is none."""
    with suppress(OSError):
        return len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208 - a thousand names, not Paths
    return 0


def threads(pid: int) -> int:
    """Its threads; 0 where there is none."""
    with suppress(OSError):
        return len(os.listdir(f"/proc/{pid}/task"))  # noqa: PTH208
    return 0
