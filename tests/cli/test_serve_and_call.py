"""`serve`, `call` and `calls` together: a server, a caller, and what is on record afterwards."""

import os
import pty
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sipagent.store.archive import read_archive
from sipagent.testing.ports import free_port
from sipagent.testing.program import PATIENCE, Run, Serving, run_program

REFUSING = """routes: [{to: "486"}]
sections:
  main:
    - hangup: busy
"""


@pytest.fixture
def serving(plan: Path, folder: Path) -> Iterator[Serving]:
    """A server with the sound plan."""
    server = Serving(folder)
    try:
        yield server
    finally:
        server.close()


@pytest.mark.slow
def test_a_call_is_answered_reported_and_on_record(serving: Serving, run: Run, plan: Path) -> None:
    target = f"sip:100@{serving.address}"
    before = run("calls")
    assert (before.code, before.out) == (0, "no calls on record\n")

    script = "wait-speech 30 wait-silence press 1 wait-speech 30 wait-silence"
    ran = run("call", target, *script.split(), "--json")
    report = ran.json
    assert (ran.code, report["ok"], report["status"]) == (0, True, 200), ran.out
    assert [s["action"] for s in report["steps"]] == [
        "wait-speech", "wait-silence", "press", "wait-speech", "wait-silence",
    ]  # fmt: skip
    told = run("call", target, "wait-speech", "30", "press", "9", "expect-end", "60")
    assert told.code == 0, told.out
    assert told.out.startswith(f"{target}: 200 OK, answered after ")
    assert "✓  expect-end" in told.out

    refused = run("call", f"sip:999@{serving.address}")
    assert refused.code == 1
    assert refused.out == f"sip:999@{serving.address}: 404 Not Found\n"

    assert serving.interrupt() == 0
    records = run("calls", "--json").json
    assert len(records) == 2
    assert {record["plan"] for record in records} == {"reception"}
    listed = run("calls").out.splitlines()
    assert [line.split()[0] for line in listed[1:3]] == [r["call_id"] for r in records]
    assert all(len(line) <= 80 for line in listed)
    first = records[1]["call_id"]
    shown = run("calls", "show", first)
    assert shown.code == 0
    assert shown.out.startswith(first)
    lines = [line.split()[2:] for line in shown.out.splitlines()]
    assert ["key", "1"] in lines, shown.out
    assert ["agent", "Nine", "to", "five."] in lines, shown.out
    assert ["end", "200"] in [line[:2] for line in lines]
    kept = "call.json, models.jsonl, plan.json, recording.wav, timeline.svg"
    assert kept in " ".join(shown.out.split())
    assert run("bundle", first, "--redact").out.startswith(f"{first}.zip: ")
    archive = read_archive(Path(f"{first}.zip"))
    assert archive.began is not None
    assert (archive.began.name, archive.began.callee) == ("reception", records[1]["callee"])
    assert (archive.recordings, "models.jsonl" in archive.texts) == ((), True)
    wrong = run("bundle", first, "--without", "sound")
    assert wrong.code == 1
    assert "'sound' is not one of audio, transcript, sip, models, plan" in wrong.err
    assert run("calls", "show").out.startswith(records[0]["call_id"])
    events = run("calls", "show", first, "--json").json["events"]
    assert {"call_started", "said", "digit_received", "call_ended"} <= {e["type"] for e in events}
    missing = run("calls", "show", "nope")
    assert missing.code == 1
    assert missing.err == "error: no call nope on record; `sipagent calls` lists them\n"


@pytest.mark.slow
def test_a_refusing_plan_is_seen_by_the_caller(serving: Serving, run: Run, plan: Path) -> None:
    (plan.parent / "busy.yaml").write_text(REFUSING)
    serving.wait_for("serving")
    serving.process.send_signal(1)  # SIGHUP: read the plans again
    serving.wait_for("dialplans_reloaded")
    ran = run("call", f"sip:486@{serving.address}", "--json")
    assert ran.code == 1
    assert (ran.json["status"], ran.json["steps"]) == (486, [])


def test_nobody_there_is_told_in_seconds_and_in_words(run: Run) -> None:
    began = time.monotonic()
    ran = run("call", f"sip:100@127.0.0.1:{free_port()}", "wait", "1")
    assert time.monotonic() - began < 20
    assert ran.code == 1
    assert "408" in ran.out
    assert "no SIP reply: does a server listen" in ran.out


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["sip:1@127.0.0.1", "sai", "hello"], "'sai' is no action; there are say, play, press"),
        (["sip:1@127.0.0.1", "say"], "say needs its text"),
        (["sip:1@127.0.0.1", "wait", "long"], "wait: 'long' is no seconds"),
        (["100"], "'100' is no SIP URI; write sip:NUMBER@HOST:PORT"),
        (["mailto:x@y"], "is no SIP URI"),
        (["sip:1@no-such-host.invalid"], "cannot call sip:1@no-such-host.invalid: "),
        (["sip:1@127.0.0.1", "--host", "192.0.2.1"], "cannot call sip:1@127.0.0.1: "),
    ],
)
def test_what_cannot_be_called_is_one_plain_line(run: Run, words: list[str], error: str) -> None:
    ran = run("call", *words)
    assert ran.code == 1
    assert ran.out == ""
    assert ran.err.startswith("error: ")
    assert error in ran.err
    assert ran.err.count("\n") == 1


def test_asking_for_records_makes_no_database(run: Run, folder: Path) -> None:
    assert run("calls").out == "no calls on record\n"
    assert run("calls", "--json").json == []
    assert run("calls", "show").code == 1
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
def test_a_port_that_is_taken_is_named_with_what_to_do(
    run: Run, plan: Path, folder: Path, kind: socket.SocketKind
) -> None:
    transport = "udp" if kind is socket.SOCK_DGRAM else "tcp"
    with socket.socket(socket.AF_INET, kind) as other:
        other.bind(("127.0.0.1", 0))
        if transport == "tcp":
            other.listen()
        port = other.getsockname()[1]
        listener = f"{{transport: {transport}, host: 127.0.0.1, port: {port}}}"
        (folder / "sipagent.yaml").write_text(f"sip: {{listen: [{listener}]}}\n")
        ran = run_program(folder, "serve")
    assert ran.code == 1
    assert f"error: cannot listen on {transport} 127.0.0.1:{port}: another program" in ran.err
    assert "sip.listen in sipagent.yaml" in ran.err
    assert "Traceback" not in ran.err


def test_an_address_this_machine_has_not_is_told(plan: Path, folder: Path) -> None:
    (folder / "sipagent.yaml").write_text("sip: {listen: [{host: 192.0.2.1, port: 5060}]}\n")
    ran = run_program(folder, "serve")
    assert ran.code == 1
    assert "cannot listen on udp 192.0.2.1:5060: this machine has no such address" in ran.err


def test_a_server_does_not_start_with_a_broken_plan(run: Run, plan: Path) -> None:
    plan.write_text(plan.read_text().replace("- answer", "- anwser"))
    niceness = os.getpriority(os.PRIO_PROCESS, 0)
    ran = run("serve")
    assert ran.code == 1
    assert ran.err.startswith("dialplans/reception.yaml:13:7: error: sections.main[0]:")
    assert "did you mean answer?" in ran.err
    assert os.getpriority(os.PRIO_PROCESS, 0) == niceness, "this thread goes on without a server"


@pytest.mark.parametrize("library", ["pjsua2", "pocketsphinx"])
def test_a_native_library_that_does_not_load_is_told(
    plan: Path, folder: Path, library: str
) -> None:
    broken = folder / "broken" / library
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text('raise ImportError("libmissing.so.2: cannot open")\n')
    ran = run_program(folder, "serve", environment={"PYTHONPATH": str(folder / "broken")})
    assert ran.code == 1
    assert "libmissing.so.2: cannot open" in ran.err


@pytest.mark.slow
def test_a_person_at_a_terminal_sees_where_to_call(plan: Path, folder: Path) -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "sipagent", "serve"],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stderr=theirs,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "COLUMNS": "80", "TERM": "dumb"},
    ) as process:
        os.close(theirs)
        screen = until(ours, "Ctrl-C ends it.")
        process.send_signal(2)
        assert process.wait(PATIENCE) == 0
    os.close(ours)
    listening = next(x for x in screen.splitlines() if x.startswith("Answering calls on UDP 127."))
    address = listening.split("UDP ")[1].split(",")[0]
    assert f"sip:100@{address}  →  reception" in screen
    assert "127.0.0.0/8" in screen


def until(terminal: int, words: str) -> str:
    """What the terminal shows, once it shows these words."""
    deadline = time.monotonic() + PATIENCE
    seen = ""
    while words not in seen:
        assert time.monotonic() < deadline, seen
        if select.select([terminal], [], [], 0.2)[0]:
            seen += os.read(terminal, 65536).decode(errors="replace").replace("\r", "")
    return seen


@pytest.mark.parametrize(
    "command", ["serve", "demo", "check", "explain", "schema", "call", "calls"]
)
def test_every_command_explains_itself_on_80_columns(run: Run, command: str) -> None:
    ran = run(command, "--help")
    assert ran.code == 0
    assert f"sipagent {command}" in ran.out
    assert all(len(line) <= 80 for line in ran.out.splitlines())
