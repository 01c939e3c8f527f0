"""`sipagent doctor`: findings for people and programs, and the exit code."""

import socket
from pathlib import Path

from sipagent.testing.ports import free_port
from sipagent.testing.program import Run


def settings(folder: Path, port: int) -> None:
    text = f"sip: {{listen: [{{transport: udp, port: {port}}}]}}\nstore: {{bundles: calls}}\n"
    (folder / "sipagent.yaml").write_text(text)


def one_line(text: str) -> str:
    return " ".join(text.split())


def test_a_problem_is_shown_with_cause_and_cure_and_is_exit_code_1(folder: Path, run: Run) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        settings(folder, port)
        ran = run("doctor", "--only", "ports")
    said = one_line(ran.out)
    assert ran.code == 1
    assert f"SIP udp 127.0.0.1:{port} is held by" in said
    assert "cause another program listens there" in said
    assert "cure end" in said
    assert "key sip.listen[0].port" in said
    assert "1 problem." in said


def test_nothing_wrong_is_exit_code_0(folder: Path, run: Run) -> None:
    settings(folder, free_port())
    ran = run("doctor", "--only", "ports", "--only", "rtp-ports")
    assert ran.code == 0
    assert "Nothing is wrong." in ran.out


def test_programs_get_json_and_nothing_else(folder: Path, run: Run) -> None:
    settings(folder, free_port())
    shown = run("doctor", "--only", "ports", "--json").json
    assert shown["ok"] is True
    (check,) = shown["checks"]
    assert check["name"] == "ports"
    assert {f["code"] for f in check["findings"]} == {"ok", "server-down"}


def test_settings_that_do_not_load_are_a_finding(folder: Path, run: Run) -> None:
    (folder / "sipagent.yaml").write_text("sip:\n  lisen: []\n")
    shown = run("doctor", "--json").json
    assert shown["ok"] is False
    (finding,) = shown["checks"][0]["findings"]
    assert finding["code"] == "settings-wrong"
    assert finding["what"].startswith("sipagent.yaml:2: ")


def test_an_unknown_check_is_told_the_nearest(folder: Path, run: Run) -> None:
    ran = run("doctor", "--only", "port")
    assert ran.code == 1
    assert "ports" in one_line(ran.err)


def test_a_call_needs_a_number(folder: Path, run: Run) -> None:
    ran = run("doctor", "--only", "call")
    assert ran.code == 1
    assert "--call NUMBER" in one_line(ran.err)
