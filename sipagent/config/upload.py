"""Settings of uploads: where bundles go once they are whole, and how long they stay here, too."""

import re
from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator

from .parts import Part

_KEY = re.compile(r"\{([^{}]*)\}")
_KNOWN = ("call_id", "plan", "year", "month", "day", "hour")
_PLAIN = re.compile(r"[A-Za-z0-9._=/-]*")
_SPAN = re.compile(r"(\d{1,6})\s*([smhdw]?)")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_ENDPOINT = re.compile(r"https?://[^/@\s?#]+(/[^@\s?#]*)?")


def _span(value: Any) -> Any:
    """`7d`, `12h`, or seconds."""
    if value is None or isinstance(value, timedelta):
        return value
    found = _SPAN.fullmatch(str(value))
    if found is None:
        raise ValueError(f"{value!r} is no time such as 7d, 12h, 30m or 90 (seconds)")
    return timedelta(seconds=int(found[1]) * _SECONDS[found[2]])


def _template(text: str) -> str:
    for key in _KEY.findall(text):
        if key not in _KNOWN:
            known = ", ".join(f"{{{name}}}" for name in _KNOWN)
            raise ValueError(f"{{{key}}} is not one of {known}")
    if "{call_id}" not in text:
        raise ValueError("without {call_id} one call's objects would replace another's")
    if not _PLAIN.fullmatch(_KEY.sub("", text)) or text.startswith("/") or ".." in text:
        raise ValueError("letters, digits and any of ._=/- beside the keys; no / first, no ..")
    return text.rstrip("/")


def _endpoint(text: str) -> str:
    if not _ENDPOINT.fullmatch(text):
        raise ValueError(f"{text!r} is not http(s)://host[:port]; credentials stand beside it")
    return text.rstrip("/")


Span = Annotated[timedelta, BeforeValidator(_span)]


class Upload(Part):
    """Bundles go to object storage that speaks S3, as they lie here: sealed ones sealed."""

    kind: Literal["s3"] = "s3"
    bucket: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{1,62}$")
    prefix: str = Field(
        default="", pattern=r"^([A-Za-z0-9._=-]+/?)*$", description="before every object's name"
    )
    path: Annotated[str, AfterValidator(_template)] = Field(
        default="{year}/{month}/{day}/{call_id}",
        description="folder of a call: {call_id}, {plan}, {year}, {month}, {day}, {hour} (UTC)",
    )
    endpoint: Annotated[str, AfterValidator(_endpoint)] | None = Field(
        default=None, description="http(s)://host:port of a server of your own; default: AWS"
    )
    region: str = "us-east-1"
    access_key_id: SecretStr | None = Field(
        default=None, description="default: as AWS's own tools find credentials"
    )
    secret_access_key: SecretStr | None = None
    keep_local: Span | None = Field(
        default=None, description="7d, 12h: files go from this disk so long after; default: never"
    )
    at_once: int = Field(default=2, ge=1, le=32, description="bundles on their way at a time")
    timeout: float = Field(
        default=60.0, gt=0, le=3600, description="seconds for a request, of 5 MiB at most"
    )
    checksum: bool = Field(
        default=True, description="SHA-256 with every object, which the store verifies"
    )

    @model_validator(mode="after")
    def _both(self) -> Self:
        if (self.access_key_id is None) != (self.secret_access_key is None):
            raise ValueError("access_key_id and secret_access_key belong together")
        if self.keep_local is not None and self.keep_local < timedelta(0):
            raise ValueError("keep_local: not below 0")
        return self
