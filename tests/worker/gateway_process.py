"""A gateway to be killed: prints the process ids of its zygote and workers, and waits."""

import asyncio
import sys
from pathlib import Path

from sipagent.config import Limits, Settings
from sipagent.worker.handle import WorkerHandle, WorkerState
from sipagent.worker.home import Home
from sipagent.worker.protocol import Assignment, PlanText
from sipagent.worker.spawner import Program
from sipagent.worker.supervisor import Supervisor


async def main(run_dir: Path, when: str) -> None:
    loading = when == "loading"
    ready: list[WorkerHandle] = []
    supervisor = Supervisor(
        Settings(limits=Limits(calls=3, warm=1, orphan_seconds=3.0)),
        home=Home(run_dir, ("127.0.0.1", 9), b"secret"),
        program=Program("entries:run", f"entries:{'preload_slowly' if loading else 'preload'}"),
        on_ready=ready.append,
        on_event=lambda worker, event: None,
        on_gone=lambda worker, why: None,
    )
    starting = asyncio.ensure_future(supervisor.start())
    if not loading:
        await starting
        for number in range(2):
            await supervisor.take(
                Assignment(
                    call_id=f"call-{number}",
                    plan=PlanText(name="plan", file="plan.yaml", document={}),
                    caller="sip:alice@example.com",
                    callee="stay",
                    bundle=Path("calls"),
                )
            )
        while [worker.state for worker in ready] != [*[WorkerState.CLAIMED] * 2, WorkerState.IDLE]:
            await asyncio.sleep(0.01)
        pids = [supervisor.zygote_pid, *(worker.pid for worker in ready)]
        sys.stdout.write(" ".join(str(pid) for pid in pids) + "\n")
        sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
