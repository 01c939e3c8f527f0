"""One settings file: every mistake has a place."""

from pathlib import Path

import pytest

from sipagent import config
from sipagent.errors import ConfigError


def write(folder: Path, text: str) -> Path:
    path = folder / "sipagent.yaml"
    path.write_text(text)
    return path


def test_the_defaults_need_no_file() -> None:
    settings = config.load(None)
    assert settings.sip.listen[0].port == 5060
    assert settings.limits.warm == 8


def test_secrets_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUNK_PASSWORD", "s3cret")
    settings = config.load(
        write(
            tmp_path, "trunks:\n  main:\n    host: a.example\n    password: ${env:TRUNK_PASSWORD}\n"
        )
    )
    password = settings.trunks["main"].password
    assert password is not None
    assert password.get_secret_value() == "s3cret"
    assert "s3cret" not in repr(settings)


def test_a_missing_variable_is_named_with_its_line(tmp_path: Path) -> None:
    path = write(tmp_path, "sip:\n  realm: ${env:NO_SUCH_VARIABLE}\n")
    with pytest.raises(ConfigError) as caught:
        config.load(path)
    finding = caught.value.findings[0]
    assert (finding.line, finding.key) == (2, "sip.realm")
    assert "NO_SUCH_VARIABLE" in finding.message


@pytest.mark.parametrize(
    ("text", "line", "key", "words"),
    [
        (
            "sip:\n  listen:\n    - {transport: udp, port: 70000}\n",
            3,
            "sip.listen[0].port",
            "65535",
        ),
        ("limits:\n  callz: 3\n", 2, "limits.callz", "did you mean calls?"),
        ("rtp: {first: 20000, last: 20001}\n", 1, "rtp", "at least 20"),
        ("trunks:\n  a: {port: 5060}\n", 2, "trunks.a", "host is required"),
        ("phones:\n  a b: {password: x}\n", 2, "phones.a b", "should match pattern"),
        ("registrar: {min_expires: 9, max_expires: 8}\n", 1, "registrar", "not be more than"),
        ("sip: [\n", 2, "", "expected"),
        ("a: 1\na: 2\n", 2, "", "duplicate"),
        ("- 1\n", 1, "", "mapping"),
    ],
)
def test_a_mistake_has_line_key_and_cause(
    tmp_path: Path, text: str, line: int, key: str, words: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        config.load(write(tmp_path, text))
    finding = caught.value.findings[0]
    assert (finding.line, finding.key) == (line, key)
    assert words in str(finding)


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    settings = config.load(write(tmp_path, "dialplans: plans\n"))
    assert settings.dialplans == (tmp_path / "plans",)
    assert settings.store.database.endswith(f"{tmp_path}/sipagent.sqlite3")
