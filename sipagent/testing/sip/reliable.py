"""Provisional responses that arrive for certain: PRACK on both sides (RFC 3262)."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

from .agent import Outgoing, UserAgent
from .dialog import Dialog
from .message import Request, Response, tag
from .transaction import ServerTransaction


class Provisionals:
    """The reliable provisional responses of one INVITE, ours or the peer's."""

    def __init__(self, agent: UserAgent, dialog: Dialog) -> None:
        self._agent = agent
        self._dialog = dialog
        self._number = 0
        self._heard: set[tuple[str, str]] = set()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def waiting(self) -> bool:
        """True while a response of ours is not acknowledged."""
        return self._timer is not None

    # We call.

    def acknowledge(self, response: Response) -> None:
        """PRACK a response that asks for it, once (section 4)."""
        number = response.get("RSeq")
        key = tag(response.get("To")), number
        if not number or key in self._heard or not demands(response):
            return
        self._heard.add(key)
        dialog = self._dialog
        if not dialog.remote_tag:
            dialog.establish(response)
        elif dialog.remote_tag != key[0]:
            dialog = replace(dialog, routes=())
            dialog.establish(response)
        headers = (("RAck", f"{number} {response.get('CSeq')}"),)
        self._agent.send(dialog, Outgoing("PRACK", headers), lambda _: None)

    # We are called.

    def send(self, response: Response, transaction: ServerTransaction) -> None:
        """Send a response again and again until its PRACK comes (section 3)."""
        self._number += 1
        headers = (*response.headers, ("Require", "100rel"), ("RSeq", str(self._number)))
        sure = replace(response, headers=headers)
        transaction.respond(sure)
        self._repeat(lambda: transaction.respond(sure), self._agent.timers.t1)

    def acknowledged(self, prack: Request) -> bool:
        """True when this PRACK is for the response we wait with."""
        if not self.waiting or prack.get("RAck").split(" ")[0] != str(self._number):
            return False
        self.stop()
        return True

    def stop(self) -> None:
        """Send nothing again."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _repeat(self, again: Callable[[], None], interval: float) -> None:
        self.stop()

        def due() -> None:
            again()
            self._repeat(again, 2 * interval)

        self._timer = asyncio.get_running_loop().call_later(interval, due)


def demands(response: Response) -> bool:
    """True for a provisional response that is to be acknowledged."""
    return any("100rel" in value for value in response.all("Require"))
