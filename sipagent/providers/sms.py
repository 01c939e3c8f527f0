"""SMS by an HTTP service: one request a text, tried again only where it was surely not taken."""

import asyncio
import re
import uuid

import httpx
import structlog

from sipagent.config import SmsGateway
from sipagent.errors import CallError

log = structlog.get_logger(__name__)

_FIELD = re.compile(r"\{(to|from|text)\}")
#: the service says itself that it did not take the text
_NOT_TAKEN = frozenset({429, 503})
_PAUSE_SECONDS = 0.5


class SmsFailed(CallError):
    """The service did not take a text, or nobody knows whether it did."""

    def __init__(self, message: str, status: int = 502) -> None:
        super().__init__(message)
        self.status = status


class HttpSms:
    """Behind `SmsService`. A text that may have been taken is never sent twice: after a request
    that went out and was not answered, the outcome is unknown and that is what is said.
    `Idempotency-Key` is the same on every attempt, for services that know it.
    """

    def __init__(self, gateway: SmsGateway, *, pause: float = _PAUSE_SECONDS) -> None:
        self._gateway = gateway
        self._pause = pause

    async def send(self, to: str, sender: str, text: str) -> int:
        """Hand it over; 202. Raises SmsFailed."""
        fields = {"to": to, "from": sender, "text": text}
        body = {
            name: _FIELD.sub(lambda found: fields[found[1]], value)
            for name, value in self._gateway.body.items()
        }
        headers = {name: value.get_secret_value() for name, value in self._gateway.headers.items()}
        headers["Idempotency-Key"] = str(uuid.uuid4())
        limits = httpx.Timeout(self._gateway.timeout)
        async with httpx.AsyncClient(timeout=limits, trust_env=False, headers=headers) as client:
            for attempt in range(self._gateway.attempts):
                await asyncio.sleep(attempt * self._pause)
                status = await self._attempt(client, body)
                if status is not None and status not in _NOT_TAKEN:
                    break
        return _judged(status)

    async def _attempt(self, client: httpx.AsyncClient, body: dict[str, str]) -> int | None:
        """The HTTP status; None where there was no connection. Raises SmsFailed."""
        url = str(self._gateway.url)
        try:
            async with asyncio.timeout(self._gateway.timeout):
                if self._gateway.encoding == "json":
                    request = client.build_request("POST", url, json=body)
                else:
                    request = client.build_request("POST", url, data=body)
                answer = await client.send(request, stream=True)
                await answer.aclose()  # what it says beside the status is nothing we know
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            log.info("sms_not_connected", cause=type(error).__name__)
            return None
        except (httpx.HTTPError, TimeoutError) as error:
            cause = f"{type(error).__name__} after the request was sent"
            raise SmsFailed(f"whether the text was taken is not known: {cause}", 504) from error
        log.info("sms_answered", status=answer.status_code)
        return answer.status_code


def _judged(status: int | None) -> int:
    if status is None:
        raise SmsFailed("the SMS service cannot be reached", 503)
    if status in _NOT_TAKEN:
        raise SmsFailed(f"the SMS service is busy ({status})", 503)
    if 200 <= status < 300:
        return 202
    raise SmsFailed(f"the SMS service refused the text ({status})")
