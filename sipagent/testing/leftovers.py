"""What calls may leave behind: processes, dialogs, sockets."""

from dataclasses import dataclass
from pathlib import Path

from .server import Server


@dataclass(frozen=True, slots=True)
class Belongings:
    """What a server and the phones of this process have at the moment."""

    workers: int
    dialogs: int
    #: of this process and of every worker, RTP ports among them
    sockets: int


def belongings(server: Server) -> Belongings:
    """Count them."""
    workers = server.workers.handles
    pids = ["self", *(str(worker.pid) for worker in workers if worker.pid is not None)]
    # by descriptor: the kernel's own table of UDP sockets leaves some out while it changes
    return Belongings(len(workers), server.gateway.edge.dialogs, sum(map(_sockets, pids)))


async def as_before(server: Server, before: Belongings, *, timeout: float = 20.0) -> None:
    """Wait until no call lives and there is no more than before. Raises TimeoutError."""
    await server.idle(timeout=timeout)
    try:
        await server.wait_for(lambda: belongings(server) == before, timeout)
    except TimeoutError as error:
        raise TimeoutError(f"left behind: {belongings(server)}, before: {before}") from error


def _sockets(pid: str) -> int:
    """A process's sockets; none where it has just ended."""
    count = 0
    try:
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            try:
                count += str(entry.readlink()).startswith("socket:[")
            except OSError:
                continue
    except OSError:
        return 0
    return count
