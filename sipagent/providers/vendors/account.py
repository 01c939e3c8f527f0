"""Account: a vendor's address and key, and the errors that name them without telling the key."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated
from urllib.parse import quote, urlencode, urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from sipagent.errors import ProviderError

from ..refusals import refusal

#: characters of a server's own words that go into an error
_QUOTED = 200
_SCHEMES = {"ws": "ws", "wss": "wss", "http": "ws", "https": "wss"}


def _base_url(text: str) -> str:
    """`wss://host/prefix`, whichever of the four schemes it was written with."""
    parts = urlsplit(text)
    if parts.scheme not in _SCHEMES or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"{text!r} is not wss://host, ws://host:port or https://host/prefix")
    if parts.username is not None:
        raise ValueError("a key belongs into api_key, not into base_url")
    return f"{_SCHEMES[parts.scheme]}://{parts.netloc}{parts.path.rstrip('/')}"


class VendorOptions(BaseModel):
    """Keys that every hosted vendor has.

    Without `base_url` it is the vendor itself, and its usual environment variable serves where no
    key is given; that key is never sent anywhere else.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    api_key: SecretStr | None = None
    base_url: Annotated[str, AfterValidator(_base_url)] | None = Field(
        default=None, description="where the API begins: wss://host[:port][/prefix]"
    )
    connect_seconds: float = Field(default=3.0, gt=0, le=30, description="to open a connection")


class EarsOptions(VendorOptions):
    """And those of hosted ears."""

    final_seconds: float = Field(
        default=2.0, gt=0, le=30, description="from the end of the turn to its final text"
    )


class MouthOptions(VendorOptions):
    """And those of hosted mouths."""

    first_sound_seconds: float = Field(
        default=3.0, gt=0, le=30, description="from a sentence to its first sound"
    )
    stall_seconds: float = Field(
        default=3.0, gt=0, le=30, description="longest silence in the middle of a sentence"
    )


Query = Mapping[str, str | int | float | bool | Sequence[str] | None]


@dataclass(frozen=True, slots=True)
class Account:
    """`provider` is its name in plans and sipagent.yaml, `base` where the API begins."""

    provider: str
    base: str
    key: str = field(default="", repr=False)

    @classmethod
    def of(cls, provider: str, options: VendorOptions, base: str, variable: str) -> "Account":
        """The account of these options; `base` and the environment's `variable` are the vendor's.

        Raises ProviderError where the vendor itself would be called without a key.
        """
        key = options.api_key.get_secret_value() if options.api_key else ""
        if options.base_url is not None:
            return cls(provider, options.base_url, key)
        key = key or os.environ.get(variable, "")
        if not key:
            cause = f"no API key: set api_key, or {variable} in the environment"
            raise ProviderError(provider, cause, retryable=False)
        return cls(provider, base, key)

    def url(self, path: str, query: Query) -> str:
        """The address of an endpoint. What is None is left out, a list is repeated."""
        told = {
            name: str(value).lower() if isinstance(value, bool) else value
            for name, value in query.items()
            if value is not None
        }
        return f"{self.base}{path}?{urlencode(told, doseq=True, quote_via=quote)}"

    def error(self, cause: str, *, retryable: bool) -> ProviderError:
        """An error of this vendor; the key, should a server have said it back, is cut out."""
        return ProviderError(self.provider, self._without_key(cause), retryable=retryable)

    def refusal(self, status: int, said: str = "", retry_after: str | None = None) -> ProviderError:
        """What an HTTP status means, or a vendor's own error with such a number."""
        # what servers say of a wrong key quotes it, sometimes in part
        words = "" if status in (401, 403) else self._without_key(quoted(said))
        return refusal(self.provider, status, self.base, retry_after=retry_after, said=words)

    def closed(self, code: int, reason: str = "") -> ProviderError:
        """What a WebSocket close code means (RFC 6455 section 7.4)."""
        told = f": {quoted(reason)}" if reason.strip() else ""
        match code:
            case 1000 | 1001:
                return self.error(f"{self.base} ended the connection{told}", retryable=True)
            case 1006:
                cause = f"the connection to {self.base} broke: is the network up?"
                return self.error(cause, retryable=True)
            case 1008:
                return self.error(f"{self.base} refused to go on{told}", retryable=True)
            case 1011 | 1012 | 1013 | 1014:
                cause = f"{self.base} failed ({code}), try again or ask the vendor{told}"
                return self.error(cause, retryable=True)
            case _:
                return self.error(f"{self.base} closed with {code}{told}", retryable=True)

    def malformed(self, what: str) -> ProviderError:
        """What came is not of the protocol."""
        cause = f"{self.base} sent {what}: is base_url a server of this vendor's protocol?"
        return self.error(cause, retryable=True)

    def _without_key(self, text: str) -> str:
        return text.replace(self.key, "***") if self.key else text


def quoted(said: str) -> str:
    """A server's own words: on one line, not too many, nothing that a terminal would act on."""
    line = " ".join("".join(c if c.isprintable() else " " for c in said).split())
    return line if len(line) <= _QUOTED else line[: _QUOTED - 1] + "…"
