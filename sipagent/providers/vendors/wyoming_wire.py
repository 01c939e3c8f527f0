"""The Wyoming protocol: a line of JSON, its data, a payload, over TCP; bounded in size and time.

github.com/OHF-Voice/wyoming describes it. It is spoken here rather than through its package, whose
reader believes any length that a peer names.
"""

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from sipagent.errors import ProviderError

CONNECT_SECONDS = 3.0
_LINE, _DATA, _PAYLOAD = 65_536, 1_000_000, 10_000_000
_VERSION = "1.8.0"


@dataclass(frozen=True, slots=True)
class Event:
    """One message. `payload` is PCM where the type is `audio-chunk`."""

    type: str
    data: Mapping[str, Any] = field(default_factory=dict)
    payload: bytes = b""


class Malformed(ValueError):
    """What came is not of the protocol; the text says what it is."""


def encoded(event: Event) -> bytes:
    """As it goes over the wire."""
    head: dict[str, Any] = {"type": event.type, "version": _VERSION}
    data = json.dumps(dict(event.data)).encode() if event.data else b""
    if data:
        head["data_length"] = len(data)
    if event.payload:
        head["payload_length"] = len(event.payload)
    return json.dumps(head).encode() + b"\n" + data + event.payload


async def read(reader: asyncio.StreamReader) -> Event | None:
    """The next message, None at the end. Raises Malformed, OSError, IncompleteReadError."""
    try:
        line = await reader.readline()
    except ValueError as error:
        raise Malformed(f"a line of more than {_LINE} bytes") from error
    if not line:
        return None
    if not line.endswith(b"\n"):
        raise asyncio.IncompleteReadError(line, None)
    head = _object(line)
    kind = head.get("type")
    if not isinstance(kind, str):
        raise Malformed("a message without a type")
    data = dict(_mapping(head.get("data")))
    if length := _length(head, "data_length", _DATA):
        data |= _object(await reader.readexactly(length))
    payload = await reader.readexactly(_length(head, "payload_length", _PAYLOAD))
    return Event(kind, data, payload)


class WyomingLine:
    """One connection. Every wait is bounded by `silence` seconds; all failures are
    ProviderErrors.
    """

    def __init__(
        self,
        provider: str,
        url: str,
        silence: float,
        streams: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        self._provider = provider
        self._url = url
        self._silence = silence
        self._reader, self._writer = streams

    @classmethod
    async def open(cls, provider: str, url: str, silence: float) -> "WyomingLine":
        """Connect. Raises ProviderError."""
        host, port = address(provider, url)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                streams = await asyncio.open_connection(host, port, limit=_LINE)
        except TimeoutError as error:
            cause = f"cannot connect to {url} within {CONNECT_SECONDS:g} s: is the server up?"
            raise ProviderError(provider, cause, retryable=False) from error
        except OSError as error:
            cause = f"cannot connect to {url}: is the server up and base_url right?"
            raise ProviderError(provider, cause) from error
        return cls(provider, url, silence, streams)

    @property
    def usable(self) -> bool:
        """False once the server has closed it."""
        return not self._reader.at_eof() and not self._writer.is_closing()

    async def send(self, event: Event) -> None:
        """Send a message. Raises ProviderError."""
        try:
            async with asyncio.timeout(self._silence):
                self._writer.write(encoded(event))
                await self._writer.drain()
        except TimeoutError as error:
            raise self._silent() from error
        except OSError as error:
            raise self._broken() from error

    async def receive(self) -> Event:
        """The next message; an error that the server tells is raised. Raises ProviderError."""
        try:
            async with asyncio.timeout(self._silence):
                event = await read(self._reader)
        except TimeoutError as error:
            raise self._silent() from error
        except Malformed as error:
            cause = f"{self._url} answered with {error}: is it a Wyoming server?"
            raise ProviderError(self._provider, cause, retryable=False) from error
        except (OSError, asyncio.IncompleteReadError) as error:
            raise self._broken() from error
        if event is None:
            raise self._broken()
        if event.type == "error":
            cause = f"{self._url} failed: {str(event.data.get('text', ''))[:200]}"
            raise ProviderError(self._provider, cause)
        return event

    async def aclose(self) -> None:
        """Hang up; what the server still sends goes nowhere."""
        self._writer.transport.abort()
        with suppress(OSError):
            await self._writer.wait_closed()

    def _silent(self) -> ProviderError:
        cause = f"{self._url} was silent for {self._silence:g} s"
        return ProviderError(self._provider, cause, retryable=False)

    def _broken(self) -> ProviderError:
        return ProviderError(self._provider, f"{self._url} closed the connection in the middle")


def address(provider: str, url: str) -> tuple[str, int]:
    """Host and port of `tcp://host:port`. Raises ProviderError."""
    try:
        parts = urlsplit(url)
        if parts.scheme == "tcp" and parts.hostname and parts.port:
            return parts.hostname, parts.port
    except ValueError:
        pass
    cause = f"base_url {url!r} is not tcp://host:port"
    raise ProviderError(provider, cause, retryable=False)


def _object(raw: bytes) -> dict[str, Any]:
    try:
        found = json.loads(raw)
    except ValueError as error:
        raise Malformed("something that is no JSON") from error
    if not isinstance(found, dict):
        raise Malformed("JSON that is no object")
    return found


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _length(head: Mapping[str, Any], name: str, limit: int) -> int:
    length = head.get(name) or 0
    if not isinstance(length, int) or not 0 <= length <= limit:
        raise Malformed(f"{name} {length!r}, which is not between 0 and {limit}")
    return length
