"""Does what the system allows and has suffice for limits.calls?"""

import asyncio
import os
import resource
from collections.abc import Iterator, Sequence
from pathlib import Path

from sipagent.config import Limits, Media
from sipagent.doctor.check import Check
from sipagent.doctor.findings import Ailment, Finding, Severity, fine
from sipagent.doctor.patient import Patient
from sipagent.media.precedence import may_run_ahead

#: descriptors of the gateway: those it always has, and those of one call
_FILES, _FILES_OF_A_CALL = 256, 4
#: memory of one conversation with what it writes, and of what all share; bytes
_CALL, _SHARED = 25 << 20, 400 << 20
#: conversations a core carries with VAD and turn-taking running: docs of the bench
_CALLS_OF_A_CORE = 50
#: what the SIP sockets ask for
_RECEIVE_BUFFER = 4 << 20
#: share of CPU time taken by other guests of the host, above which voices stutter
_STEAL = 0.05
_WATCH_SECONDS = 1.0

FEW_FILES = Ailment(
    "few-open-files",
    Severity.PROBLEM,
    "the limit of open files (ulimit -n) does not suffice for limits.calls",
    "LimitNOFILE= of the systemd unit, or ulimit -n; or lower limits.calls",
)
FEW_PROCESSES = Ailment(
    "few-processes",
    Severity.PROBLEM,
    "a call is a process, and the user or the container may not have so many",
    "LimitNPROC= and TasksMax= of the systemd unit, pids of the container; or lower limits.calls",
)
LITTLE_MEMORY = Ailment(
    "little-memory",
    Severity.WARNING,
    "limits.calls conversations need more memory than is available",
    "lower limits.calls, or add memory",
)
FEW_CORES = Ailment(
    "few-cores",
    Severity.NOTE,
    "limits.calls is more than this machine's cores carry as conversations",
    "lower limits.calls: a caller who gets 503 at once is better off than one who stutters; "
    "`sipagent bench` measures this machine",
)
SMALL_BUFFER = Ailment(
    "small-receive-buffer",
    Severity.NOTE,
    "net.core.rmem_max is below what the SIP sockets ask for: a burst of calls may lose packets",
    "sysctl net.core.rmem_max=4194304",
)
SLOW_CLOCKED = Ailment(
    "cpu-powersave",
    Severity.NOTE,
    "the CPU's frequency governor saves power: it is slow to wake",
    "cpupower frequency-set -g performance",
)
NO_PRECEDENCE = Ailment(
    "no-precedence",
    Severity.NOTE,
    "what moves sound waits for a core like everything else: on a busy machine audio comes late",
    "LimitNICE=-10 of the systemd unit, ulimits: nice: 30 of the container, or CAP_SYS_NICE",
)
CPU_STOLEN = Ailment(
    "cpu-stolen",
    Severity.WARNING,
    "the host gives this machine's CPU to others: audio comes late",
    "dedicated cores, or another host",
)


async def _run(patient: Patient) -> Sequence[Finding]:
    limits = patient.settings.limits
    found = [*_files(limits), *_processes(limits), *_memory(limits), *_cores(limits), *_network()]
    found += _precedence(patient.settings.media)
    found += [*_governor(), *await _steal()]
    return found or [fine(f"enough of everything for {limits.calls} calls", "limits.calls")]


def _files(limits: Limits) -> Iterator[Finding]:
    needed = _FILES + _FILES_OF_A_CALL * limits.calls
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed != resource.RLIM_INFINITY and allowed < needed:
        what = f"{allowed} open files allowed, about {needed} needed for {limits.calls} calls"
        yield FEW_FILES.found(what, key="limits.calls")


def _processes(limits: Limits) -> Iterator[Finding]:
    needed = limits.calls + limits.warm + 16
    allowed, _ = resource.getrlimit(resource.RLIMIT_NPROC)
    caps = {} if allowed == resource.RLIM_INFINITY else {"ulimit -u": allowed}
    pids = _number(Path("/sys/fs/cgroup/pids.max"))
    if pids is not None:
        caps["pids.max of the cgroup"] = pids
    for name, cap in caps.items():
        if cap < needed and not (name.startswith("ulimit") and os.geteuid() == 0):
            what = f"{name} is {cap}, at least {needed} needed for {limits.calls} calls"
            yield FEW_PROCESSES.found(what, key="limits.calls")


def _memory(limits: Limits) -> Iterator[Finding]:
    available = _available()
    needed = _SHARED + _CALL * limits.calls
    if available is not None and available < needed:
        what = f"{available >> 20} MB available, {needed >> 20} MB for {limits.calls} calls"
        yield LITTLE_MEMORY.found(what, key="limits.calls")


def _available() -> int | None:
    """Bytes of the machine, or of the container where that has fewer."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    told = next((int(line.split()[1]) for line in lines if line.startswith("MemAvailable")), None)
    machine = None if told is None else told << 10
    most = _number(Path("/sys/fs/cgroup/memory.max"))
    used = _number(Path("/sys/fs/cgroup/memory.current")) or 0
    container = None if most is None else max(most - used, 0)
    return min((n for n in (machine, container) if n is not None), default=None)


def _cores(limits: Limits) -> Iterator[Finding]:
    cores = len(os.sched_getaffinity(0))
    if limits.calls > cores * _CALLS_OF_A_CORE:
        what = f"{limits.calls} calls on {cores} cores, which carry about "
        yield FEW_CORES.found(f"{what}{cores * _CALLS_OF_A_CORE}", key="limits.calls")


def _network() -> Iterator[Finding]:
    allowed = _number(Path("/proc/sys/net/core/rmem_max"))
    if allowed is not None and allowed < _RECEIVE_BUFFER:
        yield SMALL_BUFFER.found(f"net.core.rmem_max is {allowed}")


def _precedence(media: Media) -> Iterator[Finding]:
    if media.priority == "auto" and not may_run_ahead():
        what = "the kernel lets no thread of this user come before others (nice -10)"
        yield NO_PRECEDENCE.found(what, key="media.priority")


def _governor() -> Iterator[Finding]:
    try:
        governor = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").read_text().strip()
    except OSError:
        return
    if governor == "powersave":
        yield SLOW_CLOCKED.found(f"the governor of CPU 0 is {governor}")


async def _steal() -> list[Finding]:
    before = _ticks()
    await asyncio.sleep(_WATCH_SECONDS)
    after = _ticks()
    if before is None or after is None or after[0] <= before[0]:
        return []
    share = (after[1] - before[1]) / (after[0] - before[0])
    if share < _STEAL:
        return []
    return [CPU_STOLEN.found(f"{share:.0%} of the CPU time went to others within a second")]


def _ticks() -> tuple[int, int] | None:
    """All of the CPUs' ticks since boot, and those stolen (proc(5))."""
    try:
        fields = [int(n) for n in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    except (OSError, ValueError):
        return None
    return sum(fields), fields[7] if len(fields) > 7 else 0


def _number(path: Path) -> int | None:
    """The number a file of the kernel holds; None for `max` and where there is none."""
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None


CHECK = Check(
    "limits",
    "limits of the system",
    _run,
    (
        *(FEW_FILES, FEW_PROCESSES, LITTLE_MEMORY, FEW_CORES),
        *(SMALL_BUFFER, SLOW_CLOCKED, NO_PRECEDENCE, CPU_STOLEN),
    ),
)
