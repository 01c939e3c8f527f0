"""Signing as Standard Webhooks has it: HMAC-SHA256 over `id.timestamp.body`, by every secret."""

import base64
import binascii
import hashlib
import hmac
import os
import secrets
from collections.abc import Mapping, Sequence

from sipagent.config import Webhook
from sipagent.errors import ConfigError, Finding

_PREFIX = "whsec_"
#: bytes of a secret
_SHORTEST, _MADE = 16, 32


def new_secret() -> str:
    """One to put where we and the receiver find it."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_MADE)).decode()


def keys_of(name: str, settings: Webhook) -> tuple[bytes, ...]:
    """The keys of a webhook's secrets. Raises ConfigError for one that cannot be read."""
    key = f"webhooks.{name}"
    found = []
    for variable in settings.secret_env:
        where = f"the environment variable {variable}"
        found.append(_key(os.environ.get(variable, ""), where, f"{key}.secret_env"))
    for path in settings.secret_file:
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            why = f"{path} cannot be read: {error}"
            raise _wrong(f"{key}.secret_file", why) from error
        found.append(_key(text, str(path), f"{key}.secret_file"))
    return tuple(found)


def signed(event_id: str, now: int, body: bytes, keys: Sequence[bytes]) -> Mapping[str, str]:
    """The headers by which a receiver knows us, the event and its age; `now` is Unix seconds."""
    content = f"{event_id}.{now}.".encode() + body
    signatures = [
        base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode() for key in keys
    ]
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(now),
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }


def _key(text: str, where: str, place: str) -> bytes:
    """`whsec_` and base64, or any long text as it is."""
    text = text.strip()
    try:
        key = (
            base64.b64decode(text.removeprefix(_PREFIX), validate=True)
            if text.startswith(_PREFIX)
            else text.encode()
        )
    except binascii.Error as error:
        raise _wrong(place, f"{where} begins with {_PREFIX}, but no base64 follows") from error
    if len(key) < _SHORTEST:
        raise _wrong(place, f"{where} has to hold a secret of at least {_SHORTEST} bytes")
    return key


def _wrong(place: str, why: str) -> ConfigError:
    hint = "sipagent webhooks secret makes one"
    return ConfigError([Finding("sipagent.yaml", 1, place, why, hint=hint)])
