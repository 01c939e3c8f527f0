"""The supervisor with real processes: calls, crashes, drains and the end."""

import asyncio
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from sipagent.config import Limits, Phone, Settings, Sip
from sipagent.events import CallEnded, Warned
from sipagent.worker.channel import MAX_FRAME, ChannelError
from sipagent.worker.handle import WorkerState
from sipagent.worker.home import Home
from sipagent.worker.pool import NoRoom
from sipagent.worker.protocol import HangUp
from sipagent.worker.roster import Patience
from sipagent.worker.spawner import Program, WorkersFailed
from sipagent.worker.supervisor import Supervisor
from tests.worker.conftest import HERE, PATIENT, StartGateway, running, until

HURRIED = replace(PATIENT, exit=0.3, hang_up=2.0)
#: a good worker of a busy machine answers one ping in four
PINGING = replace(PATIENT, exit=0.3, ping=0.5, pings_missed=4)
#: for workers that never come up
HOPELESS = Patience(ready=1.0, exit=0.3)


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


async def test_a_call_gets_a_warm_worker_and_another_takes_its_place(
    start_gateway: StartGateway,
) -> None:
    gateway = await start_gateway(warm=1)
    (warm,) = gateway.ready

    worker = await gateway.take()

    assert worker is warm
    assert worker.address == ("127.0.0.1", worker.pid)
    await until(lambda: worker.state is WorkerState.CLAIMED)
    await until(lambda: gateway.supervisor.stats.idle == 1)
    assert gateway.supervisor.stats.calls == 1


async def test_a_worker_is_forked_for_a_call_when_none_is_kept_warm(
    start_gateway: StartGateway,
) -> None:
    gateway = await start_gateway(warm=0, patience=HURRIED)
    assert gateway.ready == []
    worker = await gateway.take("brief")
    assert await gateway.end_of(worker) == "finished"


async def test_every_event_comes_before_the_end_of_the_worker(start_gateway: StartGateway) -> None:
    gateway = await start_gateway()
    worker = await gateway.take("brief")
    assert await gateway.end_of(worker) == "finished"
    assert gateway.types(worker) == ["call_started", "call_ended"]
    assert worker.state is WorkerState.GONE
    assert not running(worker.pid)


@pytest.mark.slow
async def test_fifty_workers_leave_no_process_and_no_open_file(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(calls=8, warm=2)
    first = await gateway.take("brief")
    await gateway.end_of(first)
    await until(lambda: gateway.supervisor.stats.idle == 2)
    before = open_files()

    async def one_call() -> None:
        worker = await gateway.take("brief")
        assert await gateway.end_of(worker) == "finished"

    for _ in range(10):
        await asyncio.gather(*(one_call() for _ in range(5)))

    await until(lambda: gateway.supervisor.stats.idle == 2)
    assert open_files() == before
    assert len(gateway.gone) == 51
    assert not any(running(worker.pid) for worker, _ in gateway.gone)
    assert gateway.supervisor.stats.processes == 2


async def test_a_killed_worker_takes_no_other_with_it(start_gateway: StartGateway) -> None:
    gateway = await start_gateway()
    victim, other = await gateway.take(), await gateway.take()
    await until(lambda: victim.state is other.state is WorkerState.CLAIMED)

    os.kill(victim.pid, signal.SIGKILL)

    assert await gateway.end_of(victim) == "crashed: signal 9"
    assert other.state is WorkerState.CLAIMED
    other.send(HangUp(reason="enough"))
    assert await gateway.end_of(other) == "finished"
    ended = gateway.events[-1][1]
    assert isinstance(ended, CallEnded) and ended.reason == "enough"


async def test_a_worker_that_aborts_is_reported_with_its_signal(
    start_gateway: StartGateway,
) -> None:
    gateway = await start_gateway()
    assert await gateway.end_of(await gateway.take("abort")) == "crashed: signal 6"


async def test_a_call_above_the_cap_is_refused_at_once(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(calls=2, warm=1)
    first, _ = await gateway.take(), await gateway.take()
    with pytest.raises(NoRoom) as refused:
        await gateway.take()
    assert refused.value.status == 503
    assert gateway.supervisor.stats.counts["refused"] == 1

    first.send(HangUp())
    await gateway.end_of(first)
    await until(lambda: gateway.supervisor.stats.idle == 1)
    await gateway.take()
    assert gateway.supervisor.stats.processes == 2


async def test_a_worker_that_does_not_claim_its_call_is_killed(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(claim_seconds=0.2)
    worker = await gateway.take("silent")
    assert await gateway.end_of(worker) == "did not claim its call"
    assert not running(worker.pid)


async def test_a_worker_that_answers_no_ping_is_killed(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(patience=PINGING)
    deaf, good = await gateway.take("deaf"), await gateway.take("stay")
    assert await gateway.end_of(deaf) == "unresponsive"
    assert not running(deaf.pid)
    assert good.state is WorkerState.CLAIMED


async def test_a_finished_worker_that_does_not_exit_is_killed(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(patience=HURRIED)
    worker = await gateway.take("lingering")
    assert await gateway.end_of(worker) == "finished"
    assert not running(worker.pid)


async def test_a_worker_that_breaks_the_protocol_is_killed(start_gateway: StartGateway) -> None:
    gateway = await start_gateway()
    worker = await gateway.take("twice")
    assert await gateway.end_of(worker) == "crashed: claimed while claimed"


async def test_workers_that_die_young_fail_the_start(start_gateway: StartGateway) -> None:
    for entry in ("exit_at_once", "never_ready", "raise_at_once"):
        with pytest.raises(WorkersFailed, match="no worker became ready"):
            await start_gateway(entry=entry, patience=HOPELESS)


async def test_a_broken_program_is_not_forked_in_a_hot_loop(start_gateway: StartGateway) -> None:
    with capture_logs() as lines, pytest.raises(WorkersFailed):
        await start_gateway(entry="exit_at_once", warm=2, patience=HOPELESS)
    deaths = [line["why"] for line in lines if line["event"] == "worker_never_ready"]
    assert set(deaths) == {"crashed: exit 7"}
    assert len(deaths) <= 12  # a second of forking without a pause makes hundreds


async def test_a_zygote_that_cannot_load_fails_the_start(start_gateway: StartGateway) -> None:
    with pytest.raises(WorkersFailed, match="the zygote ended with 1"):
        await start_gateway(preload="no_such_function")


async def test_a_drain_waits_for_calls_then_hangs_up_then_kills(
    start_gateway: StartGateway,
) -> None:
    gateway = await start_gateway(patience=HURRIED)
    patient, stubborn = await gateway.take("stay"), await gateway.take("stubborn")
    await until(lambda: gateway.supervisor.stats.idle == 1)
    idle = next(w for w in gateway.ready if w.state is WorkerState.IDLE)

    draining = asyncio.ensure_future(gateway.supervisor.drain(0.2))
    assert await gateway.end_of(idle) == "quit"
    with pytest.raises(NoRoom):
        await gateway.take()
    assert patient.state is WorkerState.CLAIMED
    await draining

    assert await gateway.end_of(patient) == "finished"
    assert await gateway.end_of(stubborn) == "did not hang up"
    assert gateway.supervisor.stats.processes == 0


@pytest.mark.parametrize("when", ["loading", "in calls"])
async def test_calls_alone_survive_a_gateway_that_is_killed_and_not_for_ever(
    tmp_path: Path, when: str
) -> None:
    gateway = await asyncio.create_subprocess_exec(
        *(sys.executable, str(HERE / "gateway_process.py"), str(tmp_path), when),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": f"{HERE}{os.pathsep}{HERE.parent.parent}"},
    )
    assert gateway.stdout is not None
    pids = [int(word) for word in (await gateway.stdout.readline()).split()]
    try:
        assert len(pids) == {"loading": 1, "in calls": 4}[when]
        assert all(running(pid) for pid in pids)
    finally:
        gateway.kill()  # `wait` would wait for the workers too, which have its stdout
    if when == "in calls":
        zygote, first, second, idle = pids
        await until(lambda: not running(zygote) and not running(idle))
        assert running(first) and running(second)
    await until(lambda: not any(running(pid) for pid in pids), 30)
    await gateway.wait()


async def test_a_drain_ends_with_the_last_call(start_gateway: StartGateway) -> None:
    gateway = await start_gateway()
    worker = await gateway.take("stay")
    draining = asyncio.ensure_future(gateway.supervisor.drain(60.0))
    worker.send(HangUp())
    async with asyncio.timeout(10):
        await draining
    assert await gateway.end_of(worker) == "finished"


async def test_a_dead_zygote_costs_no_call_and_is_replaced(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(patience=HURRIED)
    worker = await gateway.take("stay")
    await until(lambda: worker.state is WorkerState.CLAIMED)
    await until(lambda: gateway.supervisor.stats.idle == 1)
    idle = next(w for w in gateway.ready if w is not worker)
    before = gateway.supervisor.zygote_pid
    assert before is not None

    os.kill(before, signal.SIGKILL)

    await gateway.end_of(idle)
    await until(lambda: gateway.supervisor.zygote_pid not in (None, before))
    await until(lambda: gateway.supervisor.stats.idle == 1)
    assert gateway.supervisor.stats.counts["zygote_restarts"] == 1
    assert worker.state is WorkerState.CLAIMED
    worker.send(HangUp())
    assert await gateway.end_of(worker) == "finished"
    await until(lambda: not running(worker.pid))
    assert await gateway.end_of(await gateway.take("brief")) == "finished"


async def test_new_settings_are_for_new_calls_and_cost_none(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(patience=HURRIED)
    worker = await gateway.take("stay")
    await until(lambda: worker.state is WorkerState.CLAIMED)
    before = gateway.supervisor.zygote_pid

    changed = Settings(
        sip=Sip(realm="elsewhere"), phones={"100": Phone(password=SecretStr("new"))}
    ).model_copy(update={"limits": Limits(calls=5, warm=2)})
    await gateway.supervisor.reload(changed)

    await until(lambda: gateway.supervisor.stats.idle == 2)
    assert gateway.supervisor.zygote_pid not in (None, before)
    await gateway.take("facts")
    await until(lambda: any(isinstance(event, Warned) for _, event in gateway.events))
    facts = next(event.detail for _, event in gateway.events if isinstance(event, Warned))
    assert "preloaded=elsewhere" in facts and "password=new" in facts
    assert worker.state is WorkerState.CLAIMED
    worker.send(HangUp())
    assert await gateway.end_of(worker) == "finished"


async def test_settings_that_cannot_be_loaded_leave_the_old_in_force(
    start_gateway: StartGateway,
) -> None:
    gateway = await start_gateway(preload="preload_but_not_twice")
    before = gateway.supervisor.zygote_pid
    with pytest.raises(WorkersFailed):
        await gateway.supervisor.reload(Settings(sip=Sip(realm="broken")))
    assert gateway.supervisor.zygote_pid == before
    assert await gateway.end_of(await gateway.take("brief")) == "finished"


async def test_zygote_and_workers_leave_an_interrupt_to_the_gateway(
    start_gateway: StartGateway,
) -> None:
    gateway = await start_gateway()
    worker = await gateway.take("stay")
    await until(lambda: worker.state is WorkerState.CLAIMED)
    assert gateway.supervisor.zygote_pid is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        os.kill(gateway.supervisor.zygote_pid, number)
        os.kill(worker.pid, number)
    assert os.getsid(worker.pid) != os.getsid(0)
    worker.send(HangUp())
    assert await gateway.end_of(worker) == "finished"
    assert await gateway.end_of(await gateway.take("brief")) == "finished"


async def test_a_worker_inherits_what_was_loaded_and_nothing_of_the_zygotes(
    start_gateway: StartGateway,
) -> None:
    settings = Settings(phones={"100": Phone(password=SecretStr("hunter2"))})
    gateway = await start_gateway(settings=settings)
    for _ in range(2):
        await gateway.take("facts")
    await until(lambda: len(gateway.events) == 4)
    found = [
        dict(word.split("=", 1) for word in event.detail.split())
        for _, event in gateway.events
        if isinstance(event, Warned)
    ]
    for facts in found:
        assert facts["omp"] == "1"
        assert facts["preloaded"] == "sipagent"
        assert facts["password"] == "hunter2"
        assert facts["chld"] == "True"
        # asyncio's own pair and the channel
        assert facts["sockets"] == "3"
    assert found[0]["random"] != found[1]["random"]
    assert found[0]["numpy"] != found[1]["numpy"]


async def test_threads_in_the_zygote_are_reported(start_gateway: StartGateway) -> None:
    with capture_logs() as lines:
        await start_gateway()
        assert lines == []
    with capture_logs() as lines:
        await start_gateway(preload="preload_with_thread")
    assert [(line["event"], line["threads"]) for line in lines] == [("zygote_has_threads", 2)]


async def test_an_assignment_too_big_for_the_channel_costs_no_worker(
    start_gateway: StartGateway,
) -> None:
    gateway = await start_gateway(calls=1, warm=1)
    with pytest.raises(ChannelError, match="Assign of"):
        await gateway.take(headers={"X-Big": "x" * MAX_FRAME})
    assert await gateway.end_of(await gateway.take("brief")) == "finished"


async def test_a_stranger_on_the_socket_is_shown_out(
    start_gateway: StartGateway, tmp_path: Path
) -> None:
    gateway = await start_gateway()
    reader, writer = await asyncio.open_unix_connection(tmp_path / "state" / "gateway.sock")
    body = b'{"type":"ready","token":"nobody","pid":1,"host":"127.0.0.1","port":1}'
    writer.write(len(body).to_bytes(4, "big") + body)
    assert await reader.read() == b""
    writer.close()
    assert len(gateway.ready) == 1


async def test_a_wait_that_is_cancelled_loses_no_worker(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(calls=1, warm=0, patience=HURRIED)
    waiting = asyncio.ensure_future(gateway.take("stay"))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await until(lambda: gateway.supervisor.stats.idle == 1)
    assert await gateway.end_of(await gateway.take("brief")) == "finished"


async def test_the_socket_is_its_owners_alone_and_goes_with_the_server(
    start_gateway: StartGateway, tmp_path: Path
) -> None:
    gateway = await start_gateway()
    assert (tmp_path / "state" / "gateway.sock").is_socket()
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
    worker = await gateway.take("stay")
    for _ in range(2):
        await gateway.supervisor.close()
    assert gateway.whys(worker) == ["the server closed"]
    assert not (tmp_path / "state" / "gateway.sock").exists()
    assert gateway.supervisor.zygote_pid is None
    with pytest.raises(NoRoom):
        await gateway.take()


async def test_a_folder_whose_socket_has_too_long_a_path_will_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(HERE))
    supervisor = Supervisor(
        Settings(limits=Limits(calls=1, warm=1)),
        home=Home(tmp_path / ("x" * 100), ("127.0.0.1", 9), b"secret"),
        program=Program("entries:run", "entries:preload"),
        on_ready=lambda worker: None,
        on_event=lambda worker, event: None,
        on_gone=lambda worker, why: None,
    )
    await supervisor.start()
    assert supervisor.stats.idle == 1
    await supervisor.close()
