"""Settings of text messages: how large, how many, and who carries those to numbers."""

from collections.abc import Mapping
from typing import Literal

from pydantic import AnyHttpUrl, Field, SecretStr

from .parts import Part


class SmsGateway(Part):
    """An HTTP service that takes text messages. Values of `headers` are secrets: use ${env:...}."""

    url: AnyHttpUrl
    headers: Mapping[str, SecretStr] = Field(default_factory=dict)
    body: Mapping[str, str] = Field(
        default={"to": "{to}", "from": "{from}", "text": "{text}"},
        description="what is sent; {to}, {from} and {text} are filled in",
    )
    encoding: Literal["json", "form"] = "json"
    timeout: float = Field(default=10.0, gt=0, le=60, description="seconds for each attempt")
    attempts: int = Field(
        default=3, ge=1, le=5, description="where the service surely did not take it"
    )


class Messages(Part):
    """SIP MESSAGE (RFC 3428) in and out, and `send_sms`."""

    max_bytes: int = Field(default=1300, ge=1, le=3000, description="of a text; above: 513")
    per_minute: int = Field(
        default=30, ge=1, description="texts of one sender; above: 503 with Retry-After"
    )
    gateway: SmsGateway | None = Field(
        default=None, description="takes texts to numbers; default: the trunk that takes the number"
    )
