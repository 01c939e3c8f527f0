"""Offers: hold and resume on one leg, by re-INVITE, one offer at a time (RFC 3264, RFC 3261 14)."""

import asyncio
import secrets
from collections.abc import Callable

import pjsua2 as pj

from sipagent.call.leg import LegState
from sipagent.errors import LegFailed

from .native_call import NativeCall
from .progress import Progress

#: a re-INVITE is given up after timer B (RFC 3261 section 17.1.1.2), glare included
REOFFER_SECONDS = 32.0
_PENDING = 491


class Offers:
    """Who has the media on hold, and the offer of ours that is open.

    `send` runs a native call on the leg. `owner` is True where we chose the Call-ID, which
    decides how long to wait after both sides offered at once (section 14.1).
    """

    def __init__(
        self, progress: Progress, send: Callable[[Callable[[NativeCall], None]], None], owner: bool
    ) -> None:
        #: by our wish
        self.held = False
        #: by our wish, or by the far end's
        self.on_hold = False
        self._progress = progress
        self._send = send
        self._owner = owner
        self._turn = asyncio.Lock()
        self._open: tuple[bool, asyncio.Future[None]] | None = None

    async def hold(self) -> None:
        """Put the far end on hold (RFC 3264 section 8.4), once it is confirmed."""
        await self._offer(held=True)

    async def resume(self) -> None:
        """Take the far end back."""
        await self._offer(held=False)

    def negotiated(self, ours: bool, theirs: bool) -> bool:
        """Media was negotiated, on hold by our wish or theirs. True when that is news."""
        changed = self.on_hold != (ours or theirs)
        self.held, self.on_hold = ours, ours or theirs
        if self._open is not None and self._open[0] == ours:
            self.settle(None)
        return changed

    def settle(self, error: LegFailed | None) -> None:
        """The offer that is open was answered, or came to nothing."""
        if self._open is None or self._open[1].done():
            return
        if error is None:
            self._open[1].set_result(None)
        else:
            self._open[1].set_exception(error)

    async def _offer(self, *, held: bool) -> None:
        try:
            async with self._turn, asyncio.timeout(REOFFER_SECONDS):
                # section 14.1: not before the ACK, nor while another offer is open
                await self._progress.wait(LegState.CONFIRMED)
                while self.held != held:
                    if await self._offered(held):
                        return
                    await self._pause()
        except TimeoutError:
            raise LegFailed(408, "the new session offer was not answered") from None

    async def _offered(self, held: bool) -> bool:
        """One re-INVITE and its answer; False where the far end was offering, too."""
        offer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._open = (held, offer)
        try:
            self._send(_hold if held else _unhold)
            await offer
        except LegFailed as error:
            if error.status != _PENDING:
                raise
            return False
        finally:
            self._open = None
        return True

    async def _pause(self) -> None:
        """Before the next try (section 14.1): the owner of the Call-ID waits longer."""
        hundredths = 210 + secrets.randbelow(191) if self._owner else secrets.randbelow(201)
        await asyncio.sleep(hundredths / 100)


def _hold(native: NativeCall) -> None:
    native.setHold(pj.CallOpParam(True))


def _unhold(native: NativeCall) -> None:
    prm = pj.CallOpParam(True)
    prm.opt.flag = pj.PJSUA_CALL_UNHOLD
    prm.opt.audioCount, prm.opt.videoCount = 1, 0
    native.reinvite(prm)
