"""Telling: a vendor's messages read by their shape; one of another shape is not its protocol."""

import json
from base64 import b64decode
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from .account import Account
from .web_socket import Message


class Told(BaseModel):
    """What a server says; vendors add fields at any time."""

    model_config = ConfigDict(frozen=True, extra="ignore")


Shape = TypeVar("Shape", bound=Told)


def told(shape: type[Shape], message: Message, account: Account) -> Shape:
    """A message of this shape. Raises ProviderError."""
    try:
        return shape.model_validate(message)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise account.malformed(f"a message that is wrong at {key!r} ({first['msg']})") from error


def text(**fields: Any) -> str:
    """A JSON message; what is None is left out."""
    return json.dumps({name: value for name, value in fields.items() if value is not None})


def audio(base64: str, account: Account) -> bytes:
    """Audio as it stands in a JSON message. Raises ProviderError."""
    try:
        return b64decode(base64, validate=True)
    except (ValueError, TypeError) as error:
        raise account.malformed("audio that is not base64") from error
