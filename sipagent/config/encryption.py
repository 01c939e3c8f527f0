"""Settings of encryption at rest: the keys that bundles are sealed with."""

import base64
import binascii
from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from .parts import Part

_BYTES = 32


def key_bytes(key: SecretStr) -> bytes:
    """The key itself. Raises ValueError where it is not 32 bytes in base64."""
    text = key.get_secret_value().strip().replace("-", "+").replace("_", "/")
    try:
        raw = base64.b64decode(text, validate=True)
    except binascii.Error:
        raw = b""
    if len(raw) != _BYTES:
        raise ValueError("not 32 bytes in base64; `openssl rand -base64 32` makes a key")
    return raw


def _key(key: SecretStr) -> SecretStr:
    key_bytes(key)
    return key


KeyName = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
MasterKey = Annotated[SecretStr, AfterValidator(_key)]


class Encryption(Part):
    """The files of new calls are sealed with the key `current`; the others open older ones, until
    `sipagent records rekey` has been run.
    """

    keys: Mapping[KeyName, MasterKey] = Field(
        min_length=1, description="by name, 32 bytes in base64 each: ${env:...}"
    )
    current: KeyName = Field(description="the one that new files are sealed with")

    @model_validator(mode="after")
    def _is_there(self) -> Self:
        if self.current not in self.keys:
            known = ", ".join(self.keys)
            raise ValueError(f"current: there is no key {self.current!r}; there are {known}")
        return self
