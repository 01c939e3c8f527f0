"""Posting: one attempt to tell a receiver, over HTTP, bounded in time; what came of it as data."""

import asyncio
import email.utils
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import httpx

from sipagent import __version__
from sipagent.config import Webhook

from .signing import signed

#: seconds a receiver may ask to be left alone
_LONGEST_WAIT = 3_600.0
#: bytes of an answer that are read, so that the connection can be used again; no more is waited for
_ANSWER = 65_536


@dataclass(frozen=True, slots=True)
class Answer:
    """`status` is None where none came; `wait` is what `Retry-After` asks for, seconds."""

    status: int | None
    detail: str
    wait: float = 0.0
    ms: int = 0

    @property
    def ok(self) -> bool:
        """The receiver has it."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def ended(self) -> bool:
        """It wants no more."""
        return self.status == 410


class Poster:
    """Tells one receiver. Redirects are not followed: the URL is what the operator wrote."""

    def __init__(self, settings: Webhook, keys: Sequence[bytes], context: ssl.SSLContext) -> None:
        self._settings = settings
        self._keys = keys
        self._client = httpx.AsyncClient(
            verify=context,
            trust_env=False,
            follow_redirects=False,
            timeout=settings.timeout,
            limits=httpx.Limits(max_connections=settings.at_once + 1),
        )

    async def post(self, event_id: str, body: bytes) -> Answer:
        """One attempt."""
        begun = time.monotonic()
        try:
            async with asyncio.timeout(self._settings.timeout):
                answer = await self._post(event_id, body)
        except TimeoutError:
            answer = Answer(None, f"no answer within {self._settings.timeout:g} s")
        except httpx.TimeoutException as error:
            answer = Answer(None, f"no answer within {self._settings.timeout:g} s ({_kind(error)})")
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            answer = Answer(None, _cause(error))
        took = int((time.monotonic() - begun) * 1000)
        return Answer(answer.status, answer.detail, answer.wait, took)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.aclose()

    async def _post(self, event_id: str, body: bytes) -> Answer:
        headers = httpx.Headers({"user-agent": f"sipagent/{__version__}"})
        given = self._settings.headers.items()
        headers.update({name: value.get_secret_value() for name, value in given})
        headers.update({"content-type": "application/json"})
        headers.update(dict(signed(event_id, int(time.time()), body, self._keys)))
        url = str(self._settings.url)
        async with self._client.stream("POST", url, content=body, headers=headers) as response:
            read = 0
            async for piece in response.aiter_raw():
                read += len(piece)
                if read > _ANSWER:
                    break
        return Answer(
            response.status_code,
            _told(response.status_code, response.headers),
            _wait(response.headers.get("retry-after", ""), time.time()),
        )


def _told(status: int, headers: Mapping[str, str]) -> str:
    if 200 <= status < 300:
        return f"{status}"
    if 300 <= status < 400:
        return f"{status}: redirects are not followed; put the final address into `url`"
    hints = {
        401: "it does not believe us: see `secret_env` and `headers`",
        403: "it does not believe us: see `secret_env` and `headers`",
        404: "there is nothing at this address: see `url`",
        410: "it wants no more",
        413: "an event is too big for it",
    }
    return f"{status}: {hints[status]}" if status in hints else str(status)


def _wait(text: str, now: float) -> float:
    """`Retry-After` in either form (RFC 9110 section 10.2.3), bounded; 0 where there is none."""
    if text.strip().isdigit():
        return min(float(text.strip()[:9]), _LONGEST_WAIT)
    try:
        until = email.utils.parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError):
        return 0.0
    return min(max(0.0, until - now), _LONGEST_WAIT)


def _cause(error: Exception) -> str:
    words = str(error) or _kind(error)
    return f"cannot be reached: {words}" if isinstance(error, httpx.ConnectError) else words


def _kind(error: Exception) -> str:
    return type(error).__name__
