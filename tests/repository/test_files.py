"""The repository's own files: settings, containers, lock, changelog, and the shape of modules."""

import ast
import base64
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from sipagent.config import load
from sipagent.sources import read

STRING: dict[str, Any] = {"type": "string"}
STRINGS: dict[str, Any] = {"type": "array", "items": STRING, "uniqueItems": True}
#: the part of the compose specification a service like ours may use
COMPOSE: dict[str, Any] = {
    "type": "object",
    "required": ["services"],
    "additionalProperties": False,
    "patternProperties": {"^x-": {}},
    "properties": {
        "name": STRING,
        "services": {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {
                "type": "object",
                "additionalProperties": False,
                "anyOf": [{"required": ["build"]}, {"required": ["image"]}],
                "properties": {
                    "build": {
                        "anyOf": [
                            STRING,
                            {
                                "type": "object",
                                "additionalProperties": False,
                                "properties": {"context": STRING, "dockerfile": STRING},
                            },
                        ]
                    },
                    "profiles": STRINGS,
                    "command": STRINGS,
                    "depends_on": {
                        "anyOf": [
                            STRINGS,
                            {
                                "type": "object",
                                "additionalProperties": {
                                    "type": "object",
                                    "required": ["condition"],
                                    "properties": {
                                        "condition": {
                                            "enum": ["service_healthy", "service_started"]
                                        }
                                    },
                                },
                            },
                        ]
                    },
                    "healthcheck": {
                        "type": "object",
                        "required": ["test"],
                        "additionalProperties": False,
                        "properties": {
                            "test": {**STRINGS, "uniqueItems": False},
                            "interval": {"type": "string", "pattern": r"^\d+(ms|s|m)$"},
                            "retries": {"type": "integer", "minimum": 1},
                        },
                    },
                    "image": STRING,
                    "network_mode": {"enum": ["bridge", "host", "none"]},
                    "restart": {"enum": ["no", "always", "on-failure", "unless-stopped"]},
                    "stop_grace_period": {"type": "string", "pattern": r"^\d+(ms|s|m)$"},
                    "ulimits": {"type": "object", "additionalProperties": {"type": "integer"}},
                    "environment": {"type": "object", "additionalProperties": STRING},
                    "volumes": {
                        "type": "array",
                        "items": {"type": "string", "pattern": r"^[^:]+:/[^:]*(:ro|:rw)?$"},
                    },
                },
            },
        },
        "volumes": {"type": "object", "additionalProperties": {"type": "null"}},
    },
}
COMMENTED_KEY = re.compile(r'^(\s*)# ( *"?[\w-]+"?:(?: .*)?)$', re.MULTILINE)
REGISTRY = re.compile(r"py" r"pi\.org|python" r"hosted\.|--(?:extra-)?index-url|--trusted-host")
MACHINE = re.compile(r"(?<![\w.])/(?:root|Users|home/\w+|work)/")


@pytest.fixture
def compose(root: Path) -> dict[str, Any]:
    data = read(root / "docker-compose.yml").data
    assert isinstance(data, dict)
    return data


def _servers(compose: dict[str, Any]) -> list[dict[str, Any]]:
    """The services that are ours."""
    return [service for service in compose["services"].values() if service.get("build") == "."]


def test_the_compose_file_follows_its_schema(compose: dict[str, Any]) -> None:
    errors = Draft202012Validator(COMPOSE).iter_errors(compose)
    assert [f"{list(e.path)}: {e.message}" for e in errors] == []
    for service in compose["services"].values():
        mounts = service.get("volumes", ())
        named = [v.split(":")[0] for v in mounts if not v.startswith(".")]
        assert set(named) <= compose["volumes"].keys()


def test_what_the_compose_file_mounts_is_there_or_is_made_as_the_readme_says(
    compose: dict[str, Any], root: Path
) -> None:
    made = re.findall(r"^    cp (\S+) (\S+)$", (root / "README.md").read_text(), re.MULTILINE)
    known = {target for source, target in made if (root / source).exists()}
    for service in compose["services"].values():
        mounts = service.get("volumes", ())
        for source in (v.split(":")[0] for v in mounts if v.startswith("./")):
            assert (root / source).exists() or source.removeprefix("./") in known, source


def test_the_container_is_given_as_long_to_drain_as_the_server_takes(
    compose: dict[str, Any], root: Path
) -> None:
    drain = load(root / "sipagent.example.yaml").limits.drain_seconds
    for service in _servers(compose):
        assert float(service["stop_grace_period"].removesuffix("s")) > drain


def test_settings_of_the_container_are_settings(
    compose: dict[str, Any], root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for service in (one for one in _servers(compose) if "profiles" not in one):
        for name, value in service["environment"].items():
            assert name.startswith("SIPAGENT_")
            monkeypatch.setenv(name, value)
    settings = load(root / "sipagent.example.yaml")
    assert settings.log.format == "json"
    assert settings.store.bundles == Path("/var/lib/sipagent/calls")
    assert settings.store.database == "sqlite+aiosqlite:////var/lib/sipagent/sipagent.sqlite3"


def test_what_the_image_copies_is_there_and_not_ignored(root: Path) -> None:
    ignored = (root / ".dockerignore").read_text().splitlines()
    lines = (root / "Dockerfile").read_text().splitlines()
    copied = [line.split()[1:-1] for line in lines if line.startswith("COPY ")]
    # what an earlier stage has made is not of the repository
    sources = [s for line in copied if not line[0].startswith("--from=") for s in line]
    assert {"sipagent", "dialplans", "tools", "sipagent.example.yaml"} <= set(sources)
    for source in sources:
        assert (root / source).exists(), source
        assert f"!{source}" in ignored, source


def test_the_image_runs_a_supported_python_as_nobody_special(root: Path) -> None:
    text = (root / "Dockerfile").read_text()
    image = re.search(r"^FROM python:(3\.\d+)", text, re.MULTILINE)
    assert image is not None
    supported = Requirement(f"python{project(root)['requires-python']}").specifier
    assert supported.contains(image[1])
    assert re.search(r"^USER (?!root)\w+", text, re.MULTILINE)


def test_the_example_settings_load_as_they_are(root: Path) -> None:
    settings = load(root / "sipagent.example.yaml")
    assert {listener.transport for listener in settings.sip.listen} == {"udp", "tcp"}


def test_the_example_settings_load_with_every_key_uncommented(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = ("NATS_PASSWORD", "OPENAI_API_KEY", "SMS_TOKEN", "SIGNING_KEY", "TURN_SECRET")
    stores = ("S3_KEY_ID", "S3_SECRET")
    for name in ("CARRIER_PASSWORD", "PHONE_201", "HEP_PASSWORD", *keys, *stores):
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("SIPAGENT_KEY_2026_11", base64.b64encode(bytes(32)).decode())
    text, count = COMMENTED_KEY.subn(r"\1\2", (root / "sipagent.example.yaml").read_text())
    assert count > 30
    path = tmp_path / "sipagent.yaml"
    path.write_text(text)
    settings = load(path)
    # Every key of the settings is shown.
    shown = read(path).data
    assert shown.keys() == type(settings).model_fields.keys()
    for section in ("sip", "rtp", "media", "messages", "guard", "web", "limits", "store", "log"):
        known = type(getattr(settings, section)).model_fields.keys()
        assert known <= shown[section].keys(), section


def test_the_example_settings_show_the_defaults(root: Path) -> None:
    text = COMMENTED_KEY.sub(r"\1\2", (root / "sipagent.example.yaml").read_text())
    shown = re.findall(r"^  (first|last|calls|warm|call_seconds|max_message): (\d+)", text, re.M)
    defaults = load(None)
    known = {
        **defaults.rtp.model_dump(),
        **defaults.limits.model_dump(),
        "max_message": defaults.sip.max_message,
    }
    assert len(shown) == 6
    assert {name: int(value) for name, value in shown} == {n: known[n] for n, _ in shown}


def project(root: Path) -> dict[str, Any]:
    """`[project]` of pyproject.toml."""
    table = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    assert isinstance(table, dict)
    return table


def test_the_lock_satisfies_every_requirement(root: Path) -> None:
    lines = (root / "requirements.lock").read_text().splitlines()
    pins = [line.split(" ")[0].split("==") for line in lines if re.match(r"[\w.-]+==", line)]
    locked = {canonicalize_name(name): Version(version) for name, version in pins}
    table = project(root)
    wanted = [*table["dependencies"], *table["optional-dependencies"]["dev"]]
    for requirement in map(Requirement, wanted):
        version = locked.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement} is not in the lock"
        assert requirement.specifier.contains(version, prereleases=True), requirement


def test_every_pin_of_the_lock_has_hashes(root: Path) -> None:
    text = (root / "requirements.lock").read_text()
    pins = re.split(r"^(?=[\w.-]+==)", text, flags=re.MULTILINE)[1:]
    assert len(pins) > 50
    assert [pin.split()[0] for pin in pins if "--hash=sha256:" not in pin] == []


def test_the_changelog_has_what_is_to_be_released(root: Path) -> None:
    text = (root / "CHANGELOG.md").read_text()
    section = re.search(r"^## Unreleased\n+(- .+)", text, re.MULTILINE)
    assert section is not None


def test_no_file_names_a_registry_or_somebodys_machine(tracked: list[Path], root: Path) -> None:
    found = []
    for path in tracked:
        if path.suffix in (".bin", ".dat", ".png", ".wav") or path == Path(__file__):
            continue
        text = path.read_text(encoding="utf-8")
        for pattern in (REGISTRY, MACHINE):
            found += [f"{path.relative_to(root)}: {hit}" for hit in pattern.findall(text)]
    # `make lock` keeps pip-compile from writing them.
    assert [hit for hit in found if not hit.startswith("Makefile: ")] == []


def test_every_module_says_first_what_it_is_for_and_is_short(
    tracked: list[Path], root: Path
) -> None:
    for path in (p for p in tracked if p.suffix == ".py"):
        text = path.read_text(encoding="utf-8")
        assert len(text.splitlines()) <= 400, path.relative_to(root)
        first = ast.parse(text).body[:1]
        assert first and ast.get_docstring(ast.parse(text)), path.relative_to(root)
        assert first[0].lineno == 1, path.relative_to(root)


def test_there_is_a_licence(root: Path) -> None:
    assert "GNU GENERAL PUBLIC LICENSE" in (root / "LICENSE").read_text()[:200]
    assert project(root)["license"] == "GPL-3.0-or-later"
