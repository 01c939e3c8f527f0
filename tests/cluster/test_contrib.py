"""What stands in contrib/ and docker-compose.yml: made by our own command, read by our own eyes."""

import re
import subprocess
import textwrap
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from typer.testing import CliRunner

from sipagent.cli.program import program
from sipagent.cluster.kamailio import CONFIGURATION, NODES
from sipagent.config import Settings, load
from sipagent.errors import SipAgentError
from sipagent.sources import parse

ROOT = Path(__file__).parents[2]
FRONT = """
cluster: {node: a, front: {address: "203.0.113.5:5060", trusted: 10.0.0.0/24}}
trunks: {carrier: {host: sip.carrier.example, addresses: [198.51.100.0/24]}}
"""
CLUSTER, PBX = ROOT / "contrib/cluster", ROOT / "contrib/pbx"


def compose() -> dict[str, Any]:
    text = (ROOT / "docker-compose.yml").read_text()
    found: dict[str, Any] = YAML(typ="safe").load(text)
    return found


def environment(monkeypatch: pytest.MonkeyPatch, service: str) -> None:
    for name, value in compose()["services"][service]["environment"].items():
        monkeypatch.setenv(name, str(value))


def test_the_files_for_kamailio_are_what_the_command_makes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment(monkeypatch, "node-a")
    nodes = [
        f"--node={name.removeprefix('node-')}={service['environment']['NODE_ADDRESS']}:5060"
        for name, service in compose()["services"].items()
        if name.startswith("node-")
    ]
    settings = str(CLUSTER / "sipagent.yaml")
    asked = ["cluster", "kamailio", *nodes, "--out", str(tmp_path), "--config", settings]
    made = CliRunner().invoke(program("cluster"), asked)
    assert made.exit_code == 0, made.output
    for name in (CONFIGURATION, NODES):
        assert (tmp_path / name).read_text() == (CLUSTER / name).read_text()


def test_what_a_service_waits_for_is_in_its_profile() -> None:
    told = compose()["services"]
    for service in told.values():
        for other in service.get("depends_on", ()):
            assert set(told[other]["profiles"]) >= set(service["profiles"])


@pytest.mark.parametrize("service", ["node-a", "node-b"])
def test_the_nodes_settings_load(monkeypatch: pytest.MonkeyPatch, service: str) -> None:
    environment(monkeypatch, service)
    settings = load(CLUSTER / "sipagent.yaml")
    assert settings.cluster is not None
    assert settings.cluster.node == service.removeprefix("node-")
    assert settings.cluster.sip == f"{settings.sip.listen[0].host}:5060"


def test_the_server_behind_the_pbx_knows_its_password() -> None:
    trunk = load(PBX / "sipagent.yaml").trunks["pbx"]
    pbx = (PBX / "kamailio.cfg").read_text()
    assert trunk.password is not None
    assert f'$sht(password=>{trunk.username}) = "{trunk.password.get_secret_value()}"' in pbx
    assert f"listen=udp:{trunk.host}:{trunk.port}" in pbx


@pytest.mark.peer
@pytest.mark.parametrize("folder", [CLUSTER, PBX])
def test_kamailio_takes_its_configuration(folder: Path) -> None:
    checked = subprocess.run(
        ["/usr/sbin/kamailio", "-c", "-f", str(folder / CONFIGURATION)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr


def test_the_settings_that_are_told_are_settings() -> None:
    text = (ROOT / "docs/cluster.md").read_text()
    (example,) = re.findall(r"^ *```yaml\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)
    told = Settings(**parse(textwrap.dedent(example), "cluster.md").data)
    assert told.cluster is not None
    assert told.cluster.front is not None
    assert told.cluster.front.address == "203.0.113.5:5060"


@pytest.mark.parametrize(
    ("settings", "asked", "words"),
    [
        ("{}", ["--node", "a=10.0.0.1"], "cluster.front is not in the settings"),
        (FRONT, ["--inside", "10.0.0.5"], "a front needs nodes behind it"),
        (FRONT, ["--node", "10.0.0.1"], "not NAME=HOST:PORT"),
        (FRONT, ["--node", "a=10.0.0.1", "--node", "a=10.0.0.2"], "there is a node of that name"),
        (FRONT, ["--node", "a=b/c"], "not HOST:PORT"),
        (FRONT, ["--node", "a=10.0.0.1", "--inside", "10.9.9.9:5060"], "does not hold 10.9.9.9"),
    ],
)
def test_what_does_not_fit_together_is_told(
    tmp_path: Path, settings: str, asked: list[str], words: str
) -> None:
    file = tmp_path / "sipagent.yaml"
    file.write_text(settings)
    made = CliRunner().invoke(
        program("cluster"), ["cluster", "kamailio", *asked, "--config", str(file)]
    )
    assert isinstance(made.exception, SipAgentError)
    assert words in str(made.exception)


def test_all_the_options_together_are_one_configuration(tmp_path: Path) -> None:
    file = tmp_path / "sipagent.yaml"
    file.write_text(FRONT)
    asked = [
        *("cluster", "kamailio", "--node", "a=10.0.0.1", "--node", "b=[2001:db8::1]:5070"),
        *("--listen", "10.0.0.9:5060", "--inside", "10.0.0.5", "--flood", "60"),
        *("--tls", "5061", "--ws", "8080", "--config", str(file)),
    ]
    printed = CliRunner().invoke(program("cluster"), asked).output
    assert "==> kamailio.cfg <==\n#!KAMAILIO" in printed
    for line in (
        "listen=udp:10.0.0.9:5060 advertise 203.0.113.5:5060",
        "listen=tls:10.0.0.9:5061 advertise 203.0.113.5:5061",
        "listen=udp:10.0.0.5:5060",
        "#!define WITH_WS",
        '#!substdef "!EXEMPT_NETWORKS!198.51.100.0/24!g"',
        "1 sip:10.0.0.1:5060 0 0 duid=a;socket=udp:10.0.0.5:5060",
        "1 sip:[2001:db8::1]:5070 0 0 duid=b;socket=udp:10.0.0.5:5060",
    ):
        assert f"\n{line}\n" in printed, line
