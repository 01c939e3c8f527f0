"""Signatures as Standard Webhooks has them, and secrets that cannot be read."""

import base64
import hashlib
import hmac
from pathlib import Path

import pytest

from sipagent.app.hooks.signing import keys_of, new_secret, signed
from sipagent.config import Webhook
from sipagent.errors import ConfigError

#: the example of the specification
SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"


def hook(**keys: object) -> Webhook:
    """Settings of one."""
    return Webhook.model_validate({"url": "http://127.0.0.1:9/", **keys})


def test_every_secret_signs_the_newest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEW", new_secret())
    monkeypatch.setenv("OLD", "a long word that is no base64")
    keys = keys_of("crm", hook(secret_env=["NEW", "OLD"]))
    headers = signed("evt_1", 1_700_000_000, b'{"a":1}', keys)
    assert headers["webhook-id"] == "evt_1"
    assert headers["webhook-timestamp"] == "1700000000"
    given = [part.removeprefix("v1,") for part in headers["webhook-signature"].split()]
    content = b'evt_1.1700000000.{"a":1}'
    assert given == [
        base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode() for key in keys
    ]
    assert len(keys[0]) == 32
    assert keys[1] == b"a long word that is no base64"


def test_a_secret_of_the_standard_is_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n")
    assert keys_of("crm", hook(secret_file=str(file))) == (
        base64.b64decode(SECRET.removeprefix("whsec_")),
    )


@pytest.mark.parametrize(
    ("secret", "why"),
    [
        ("", "has to hold a secret of at least 16 bytes"),
        ("short", "has to hold a secret of at least 16 bytes"),
        ("whsec_****", "begins with whsec_, but no base64 follows"),
    ],
)
def test_a_poor_secret_is_told_with_its_place_and_without_itself(
    monkeypatch: pytest.MonkeyPatch, secret: str, why: str
) -> None:
    monkeypatch.setenv("POOR", secret)
    with pytest.raises(ConfigError) as wrong:
        keys_of("crm", hook(secret_env="POOR"))
    assert "webhooks.crm.secret_env" in str(wrong.value)
    assert f"the environment variable POOR {why}" in str(wrong.value)
    assert "****" not in str(wrong.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"webhooks\.crm\.secret_file.*cannot be read"):
        keys_of("crm", hook(secret_file=str(tmp_path / "none")))


def test_a_webhook_without_a_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="needs secret_env or secret_file"):
        hook()


def test_an_unknown_event_is_refused_with_the_groups_there_are() -> None:
    with pytest.raises(ValueError, match="'call_end' is neither a type of event nor one of all"):
        hook(secret_env="X", events="call_end")
