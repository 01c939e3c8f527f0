"""SipMessenger: SIP MESSAGE outside any call (RFC 3428), by the edge."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pjsua2 as pj

from sipagent.errors import LegFailed

from .dialer import on_the_wire
from .headers import written
from .native import failed
from .pjsip import Endpoint

#: a little longer than the transaction itself may last (timer F)
_PATIENCE = 34.0


class SipMessenger:
    """One message at a time: the stack does not say which of several an answer is to."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._sending = asyncio.Lock()

    async def message(self, uri: str, text: str, headers: Mapping[str, str]) -> int:
        """Send it and wait for the final status. Raises LegFailed unless that is a 2xx."""
        prm = pj.SendRequestParam()
        prm.method = "MESSAGE"
        prm.txOption.targetUri = on_the_wire(uri)
        prm.txOption.contentType = "text/plain;charset=UTF-8"
        prm.txOption.msgBody = text
        prm.txOption.headers = written(headers)
        async with self._sending:
            status, reason = await self._answer(prm)
        if status >= 300:
            raise LegFailed(status, reason)
        return status

    async def _answer(self, prm: Any) -> tuple[int, str]:
        account = self._endpoint.account()
        account.answer = asyncio.get_running_loop().create_future()
        self._send(account, prm)
        try:
            async with asyncio.timeout(_PATIENCE):
                return await account.answer
        except TimeoutError:
            raise LegFailed(408, "the message was not answered") from None
        finally:
            account.answer = None

    def _send(self, account: Any, prm: Any) -> None:
        try:
            account.sendRequest(prm)
        except pj.Error as error:
            raise failed(error) from error
        finally:
            self._endpoint.kick()
