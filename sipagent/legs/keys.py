"""LegKeys: the keys of one leg, both ways, by whichever way the far end knows."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pjsua2 as pj

from sipagent.call.dial import DtmfMode
from sipagent.call.keypad import Key, KeyWay
from sipagent.errors import LegFailed

from .digits import KEYS, DigitFan, Duplicates, Event, Events, keystrokes
from .inband import Ear, Pad
from .native_call import NativeCall

KEY_MS = 120
GAP_MS = 80
#: an INFO nobody answers
INFO_SECONDS = 8.0
_FORMS = {"info": "application/dtmf-relay", "info-dtmf": "application/dtmf"}


class LegKeys:
    """Reads and sends keys. `native` gives the live call or raises LegFailed; `do` runs one of its
    functions with errors as LegFailed.

    Reading: telephone-events and INFO always; tones in the audio only where the far end agreed to
    no telephone-events, or the mode is `inband`, and only while somebody reads.
    Sending in mode `auto`: telephone-events where they were agreed. Else an INFO, where the far end
    pressed keys that way itself. Else tones: a far end that offered no events may be a gateway to
    a line, and whatever listens there hears tones, while an INFO that is answered 200 may still
    be thrown away.
    """

    def __init__(
        self, native: Callable[[], NativeCall], do: Callable[..., None], *, rate: int = 8000
    ) -> None:
        self.mode: DtmfMode = "auto"
        self.rate = rate
        self._native = native
        self._do = do
        self._fan = DigitFan()
        self._events = Events()
        self._duplicates = Duplicates()
        self._ear: Ear | None = None
        self._pad: Pad | None = None
        self._sending = asyncio.Lock()
        self._informed = False
        self._answer: asyncio.Future[int] | None = None

    # From the far end.

    def open(self) -> AsyncIterator[Key]:
        """A reader of the keys from now on."""
        reader = self._fan.open()
        self.media_changed()
        return reader

    def told(self, event: Event, way: KeyWay) -> None:
        """The native stack tells of a key."""
        if way == "rfc4733" and not self._events.is_press(event):
            return
        self._informed = self._informed or way == "info"
        self._press(event.key, way)

    def media_changed(self) -> None:
        """Media was negotiated, or somebody begins to read: listen for tones where need be."""
        try:
            native = self._native()
        except LegFailed:
            return
        listen = native.media is not None and self._fan.read and self._tones_wanted(native)
        if listen and self._ear is None:
            self._ear = Ear(self.rate, self._overheard)
        if self._ear is None:
            return
        self._ear.open = listen
        if listen:
            self._do(native.media.startTransmit, self._ear)

    def end(self) -> None:
        """The leg has ended."""
        if self._ear is not None:
            self._ear.open = False
        self._fan.end()
        self.answered(481)

    def _overheard(self, key: str) -> None:
        self._press(key, "inband")

    def _press(self, text: str, way: KeyWay) -> None:
        key = Key(text.upper(), way)
        if key and key in KEYS and self._duplicates.is_new(key, asyncio.get_running_loop().time()):
            self._fan.press(key)

    def _tones_wanted(self, native: NativeCall) -> bool:
        return self.mode == "inband" or (self.mode == "auto" and native.event_payloads()[1] is None)

    # To the far end.

    async def send(self, digits: str) -> None:
        """Send keys and pauses (see `Leg.send_digits`); returns when the last one was sent.

        Raises LegFailed: 400 for what is no key, 488 where the mode is one the far end did not
        agree to, what it said of an INFO, 408 where it said nothing.
        """
        strokes = keystrokes(digits)
        async with self._sending:
            for stroke in strokes:
                if isinstance(stroke, float):
                    await asyncio.sleep(stroke)
                else:
                    await self._send(stroke)

    async def _send(self, key: str) -> None:
        native = self._native()
        mode = self._way(native)
        if mode in _FORMS:
            await self._inform(native, key, mode)
            return
        if mode == "inband":
            if native.media is None:
                raise LegFailed(488, "there is no audio to play keys into")
            self._pad = self._pad or Pad(self.rate)
            self._do(self._pad.play, native.media, key, KEY_MS, GAP_MS)
        else:
            if native.event_payloads()[0] is None:
                raise LegFailed(488, "the far end agreed to no telephone-events")
            prm = pj.CallSendDtmfParam()
            prm.digits, prm.duration = key, KEY_MS
            prm.method = pj.PJSUA_DTMF_METHOD_RFC2833
            self._do(native.sendDtmf, prm)
        await asyncio.sleep((KEY_MS + GAP_MS) / 1000)

    def _way(self, native: NativeCall) -> DtmfMode:
        if self.mode != "auto":
            return self.mode
        if native.event_payloads()[0] is not None:
            return "rfc4733"
        return "info" if self._informed else "inband"

    async def _inform(self, native: NativeCall, key: str, form: str) -> None:
        """One INFO, and its answer: the next key must not overtake it (RFC 6086 section 5.4)."""
        prm = pj.CallSendRequestParam()
        prm.method = "INFO"
        prm.txOption.contentType = _FORMS[form]
        prm.txOption.msgBody = key if form == "info-dtmf" else _relay(key)
        self._answer = asyncio.get_running_loop().create_future()
        try:
            self._do(native.sendRequest, prm)
            async with asyncio.timeout(INFO_SECONDS):
                status = await self._answer
        except TimeoutError:
            raise LegFailed(408, "an INFO with a key was not answered") from None
        finally:
            self._answer = None
        if status >= 300:
            raise LegFailed(status, "an INFO with a key was refused")

    def answered(self, status: int) -> None:
        """The final status of our INFO."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(status)


def _relay(key: str) -> str:
    return f"Signal={key}\r\nDuration={KEY_MS}\r\n"
