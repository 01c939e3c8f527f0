"""SIPp: run one scenario against a peer, or as one, and read what came of it."""

import asyncio
import csv
import re
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from . import processes
from .ports import free_port

#: what begins an entry of SIPp's error log
_STAMP = re.compile(r"\d{4}-\d\d-\d\d\t[\d:.]+\t[\d.]+: ")
#: starts, each on ports of its own: another process may take one between our look and SIPp's bind
_TRIES = 5
#: its last socket: the port for video, from that for audio
_VIDEO = 2


@dataclass(frozen=True, slots=True)
class SippResult:
    """SIPp's own count of calls, its exit status (0: all succeeded), its last words, and what the
    scenario counts itself (the attribute `counter` of a message). `complaints` is why calls were
    given up.
    """

    successful: int
    failed: int
    exit_status: int
    output: str
    counters: Mapping[str, int] = field(default_factory=dict)
    complaints: Sequence[str] = ()

    @property
    def ok(self) -> bool:
        """True when calls were made and none failed."""
        return self.exit_status == 0 and self.successful > 0 and self.failed == 0


class Sipp:
    """`async with Sipp(scenario, target=...) as sipp: result = await sipp.wait()`.

    `scenario` is an XML file, or the name of one of SIPp's own (`uac`, `uas`). Without a
    `target` ("host:port") it waits for calls on `address`. `rtp_echo` sends RTP back to where
    it came from.
    """

    def __init__(
        self,
        scenario: Path | str,
        *,
        target: str | None = None,
        service: str = "100",
        calls: int = 1,
        rate: int = 10,
        rtp_echo: bool = False,
        more: Sequence[str] = (),
    ) -> None:
        self.address = ("127.0.0.1", free_port())
        self._media = 0
        self._tries = 0
        self._scenario = scenario
        self._target = target
        self._folder = tempfile.TemporaryDirectory(prefix="sipp-")
        self._process: asyncio.subprocess.Process | None = None
        self._more = ["-s", service, "-m", str(calls), "-r", str(rate), "-l", str(calls)]
        self._more += ["-rtp_echo"] if rtp_echo else []
        self._more += more

    async def __aenter__(self) -> Self:
        await self._start()
        if self._target is None:
            while not await self._listening():
                await self._start()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._process is not None:
            await processes.stop(self._process)
        self._folder.cleanup()

    @property
    def uri(self) -> str:
        """How to call it, when it waits for calls."""
        return f"sip:sipp@{self.address[0]}:{self.address[1]}"

    async def wait(self, timeout: float = 30.0) -> SippResult:
        """Wait until all its calls are over. Raises TimeoutError."""
        assert self._process is not None, "enter it first"
        async with asyncio.timeout(timeout):
            status = await self._process.wait()
            while self._found_no_port():
                await self._start()
                status = await self._process.wait()
        successful, failed, counters = _counts(self._stats)
        errors = self._path / "errors.log"
        told = errors.read_text(errors="replace") if errors.exists() else ""
        output = self._log.read_text(errors="replace") + told
        complaints = tuple(entry for entry in _STAMP.split(told) if "borting" in entry)
        return SippResult(successful, failed, status, output[-4000:], counters, complaints)

    @property
    def _path(self) -> Path:
        return Path(self._folder.name)

    @property
    def _log(self) -> Path:
        return self._path / "output.log"

    @property
    def _stats(self) -> Path:
        return self._path / "stats.csv"

    async def _start(self) -> None:
        if self._tries == _TRIES:
            raise RuntimeError(f"sipp did not start: {self._log.read_text()[-1000:]}")
        if self._tries:
            self.address = ("127.0.0.1", free_port())
        self._tries += 1
        self._media = free_port(even=True)
        self._process = await processes.start(self._command(), self._log, self._path)

    def _found_no_port(self) -> bool:
        return "Unable to bind" in self._log.read_text(errors="replace")

    def _command(self) -> list[str]:
        own = isinstance(self._scenario, str)
        scenario = ["-sn" if own else "-sf", str(self._scenario)]
        host, port = self.address
        return [
            *("sipp", *scenario),
            *("-i", host, "-p", str(port), "-mi", host, "-mp", str(self._media)),
            *("-trace_stat", "-stf", str(self._stats), "-fd", "1"),
            *("-trace_err", "-error_file", str(self._path / "errors.log")),
            *("-nostdin", "-cp", str(free_port())),
            *self._more,
            *([self._target] if self._target else []),
        ]

    async def _listening(self) -> bool:
        """Wait until the kernel lists its UDP port; False where SIPp found a port taken.

        Raises TimeoutError, or RuntimeError with what SIPp said when it ended instead.
        """
        assert self._process is not None
        async with asyncio.timeout(10):
            while not _bound(self.address[1]) or not _bound(self._media + _VIDEO):
                if self._process.returncode is not None:
                    if self._found_no_port():
                        return False
                    raise RuntimeError(f"sipp did not start: {self._log.read_text()[-1000:]}")
                await asyncio.sleep(0.02)
        return True


def _bound(port: int) -> bool:
    """True when a process on this machine has the UDP port (IPv4)."""
    return f":{port:04X} " in Path("/proc/net/udp").read_text()


def _counts(stats: Path) -> tuple[int, int, dict[str, int]]:
    """Successful and failed calls, and the scenario's own counters, from the last line of SIPp's
    statistics. Those counters are the last columns.
    """
    with suppress(FileNotFoundError), stats.open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
        if rows:
            last = rows[-1]
            names = list(last)[list(last).index("CallLengthStDev(C)") + 1 :]
            own = {n[: -len("(C)")]: int(last[n]) for n in names if n and n.endswith("(C)")}
            return int(last["SuccessfulCall(C)"]), int(last["FailedCall(C)"]), own
    return 0, 0, {}
