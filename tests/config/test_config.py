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


def test_a_trunk_registers_with_all_defaults_or_its_own(tmp_path: Path) -> None:
    text = "trunks:\n  a: {host: a.example, username: u, registration: REG}\n"
    for reg, registrars in (
        ("true", ()),
        ("{registrars: b.example}", ("sip:b.example",)),
        ("{registrars: [b.example, '192.0.2.1:5070;transport=tcp']}",
         ("sip:b.example", "sip:192.0.2.1:5070;transport=tcp")),
    ):  # fmt: skip
        trunk = config.load(write(tmp_path, text.replace("REG", reg))).trunks["a"]
        assert trunk.registration is not None
        assert trunk.registration.registrars == registrars
    trunk = config.load(write(tmp_path, text.replace("REG", "false"))).trunks["a"]
    assert trunk.registration is None


@pytest.mark.parametrize(
    ("keys", "key", "words"),
    [
        ("registration: true", "trunks.a", "needs a username"),
        ("outbound_proxy: 'a b'", "trunks.a.outbound_proxy", "host[:port]"),
        ("outbound_proxy: 'a.example:70000'", "trunks.a.outbound_proxy", "host[:port]"),
        ("registration: {registrars: ['sip:u@b']}", "trunks.a.registration.registrars[0]", "host"),
        ("numbers: {country: '+44'}", "trunks.a.numbers.country", "pattern"),
        ("numbers: {cuntry: '44'}", "trunks.a.numbers.cuntry", "did you mean country?"),
        ("calls: 0", "trunks.a.calls", "greater than or equal to 1"),
    ],
)
def test_a_mistake_in_a_trunk_has_its_place(
    tmp_path: Path, keys: str, key: str, words: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        config.load(write(tmp_path, f"trunks:\n  a:\n    host: a.example\n    {keys}\n"))
    finding = caught.value.findings[0]
    assert finding.key == key
    assert words in str(finding)


def test_a_host_that_is_none_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="neither a host name nor an address"):
        config.load(write(tmp_path, "trunks:\n  a: {host: 'sip:a.example'}\n"))
    trunk = config.load(write(tmp_path, "trunks:\n  a: {host: '[2001:db8::1]'}\n")).trunks["a"]
    assert trunk.host == "2001:db8::1"


@pytest.mark.parametrize("server", ["127.0.0.1", "127.0.0.1:5353", "::1", "[::1]", "[::1]:5353"])
def test_a_name_server_is_an_address(tmp_path: Path, server: str) -> None:
    text = f"sip:\n  nameservers: ['{server}']\n"
    assert config.load(write(tmp_path, text)).sip.nameservers == (server,)
    with pytest.raises(ConfigError):
        config.load(write(tmp_path, text.replace(server, "dns.example")))
