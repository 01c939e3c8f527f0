"""A page without a browser: aiortc as the far end of a call, by the door a page uses."""

import asyncio
import json
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from fractions import Fraction
from typing import Any

import av
import httpx
import numpy as np
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCDataChannel,
    RTCIceServer,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError
from aiortc.rtcconfiguration import RTCIceTransportPolicy

from sipagent.testing.audio import RATE
from sipagent.testing.pitch import LEVEL, sine, strengths

_WIDE, _FRAME = 48_000, 960
PATIENCE = 20.0


class _Microphone(MediaStreamTrack):
    """What the page says, 20 ms each 20 ms; silence in between."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self.waiting: deque[bytes] = deque()
        self._began: float | None = None
        self._frames = 0

    async def recv(self) -> av.AudioFrame:
        now = time.perf_counter()
        self._began = self._began or now
        await asyncio.sleep(max(0.0, self._began + self._frames * 0.02 - now))
        frame = av.AudioFrame(format="s16", layout="mono", samples=_FRAME)
        pcm = self.waiting.popleft() if self.waiting else bytes(2 * _FRAME)
        frame.planes[0].update(pcm)
        frame.sample_rate, frame.time_base = _WIDE, Fraction(1, _WIDE)
        frame.pts = self._frames * _FRAME
        self._frames += 1
        return frame


class Page:
    """One page. `heard` is mono s16le at 8 kHz with the time each piece came; `states`, `events`
    and `digits` are what the data channel said.
    """

    def __init__(self, http: httpx.AsyncClient, ice: RTCConfiguration | None = None) -> None:
        self.http = http
        self.pc = RTCPeerConnection(ice or RTCConfiguration(iceServers=[]))
        self.states: list[Mapping[str, Any]] = []
        self.events: list[Mapping[str, Any]] = []
        self.digits = ""
        self.location = ""
        self.call_id = ""
        self._heard: list[tuple[float, bytes]] = []
        self._microphone = _Microphone()
        self._changed = asyncio.Event()
        self._listening: asyncio.Task[None] | None = None
        self._channel = self.pc.createDataChannel("sipagent")
        self._channel.on("message", self._told)
        self.pc.addTrack(self._microphone)
        self.pc.on("track", self._hear)
        self.pc.on("connectionstatechange", self._changed.set)

    async def offer(self) -> str:
        """Our SDP, with all candidates."""
        await self.pc.setLocalDescription(await self.pc.createOffer())
        return self.pc.localDescription.sdp

    async def post(self, **query: str) -> httpx.Response:
        """Call (`to=`) or answer (`ring=`), whatever comes of it."""
        return await self.http.post(
            "/v1/webrtc",
            params=query,
            content=await self.offer(),
            headers={"content-type": "application/sdp"},
        )

    async def call(self, **query: str) -> None:
        """Call, and take the answer."""
        answer = await self.post(**query)
        assert answer.status_code == 201, answer.text
        assert answer.headers["content-type"] == "application/sdp"
        self.location, self.call_id = answer.headers["location"], answer.headers["sipagent-call"]
        await self.pc.setRemoteDescription(RTCSessionDescription(answer.text, "answer"))

    async def hang_up(self) -> None:
        """By the door."""
        assert (await self.http.delete(self.location)).status_code == 204

    def say(self, message: Mapping[str, Any]) -> None:
        """Something on the data channel."""
        self._channel.send(json.dumps(message))

    def sound(self, hertz: float, seconds: float) -> None:
        """A tone into the microphone."""
        wave = np.frombuffer(sine(hertz, seconds), "<i2")
        wide = np.repeat(wave, _WIDE // RATE).tobytes()
        self._microphone.waiting.extend(
            wide[at : at + 2 * _FRAME] for at in range(0, len(wide) - 2 * _FRAME + 1, 2 * _FRAME)
        )

    def loudness(self, *pitches: float, seconds: float = 1.0) -> list[float]:
        """How loud each tone was in the last second that was heard; 1 is unchanged."""
        pcm = b"".join(pcm for _, pcm in self._heard)[-int(seconds * RATE) * 2 :]
        return [level / LEVEL for level in strengths(pcm, pitches)]

    async def until(self, wanted: Callable[[], bool], seconds: float = PATIENCE) -> None:
        """Wait for what is told, or heard. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while not wanted():
                self._changed.clear()
                await self._changed.wait()

    async def state(self, name: str) -> Mapping[str, Any]:
        """Wait for a state that the page is told. Raises TimeoutError."""
        await self.until(lambda: any(s["state"] == name for s in self.states))
        return next(s for s in self.states if s["state"] == name)

    async def close(self) -> None:
        """As a page that says goodbye."""
        await self.pc.close()
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)

    def _told(self, text: str) -> None:
        message = json.loads(text)
        if message["type"] == "state":
            self.states.append(message)
        elif message["type"] == "event":
            self.events.append(message["event"])
        else:
            self.digits += message["digits"]
        self._changed.set()

    def _hear(self, track: MediaStreamTrack) -> None:
        self._listening = asyncio.ensure_future(self._listen(track))

    async def _listen(self, track: MediaStreamTrack) -> None:
        try:
            while True:
                frame = await track.recv()
                assert isinstance(frame, av.AudioFrame)
                wide = np.frombuffer(bytes(frame.planes[0])[: frame.samples * 4], "<i2")
                narrow = wide[::2].reshape(-1, 6).mean(axis=1).astype("<i2")
                self._heard.append((time.perf_counter(), narrow.tobytes()))
                self._changed.set()
        except MediaStreamError:
            return


def relayed(url: str, username: str, credential: str) -> RTCConfiguration:
    """All media by a TURN server."""
    server = RTCIceServer(url, username, credential)
    return RTCConfiguration([server], iceTransportPolicy=RTCIceTransportPolicy.RELAY)


@asynccontextmanager
async def page(http: httpx.AsyncClient, ice: RTCConfiguration | None = None) -> AsyncIterator[Page]:
    """A page until left."""
    made = Page(http, ice)
    try:
        yield made
    finally:
        await made.close()


def channel_of(made: Page) -> RTCDataChannel:
    """The page's own data channel."""
    return made._channel


def vanish(made: Page) -> None:
    """Lose the network, without a word."""
    for ice in made.pc._RTCPeerConnection__iceTransports:  # type: ignore[attr-defined]
        for protocol in ice._connection._protocols:
            protocol.send_stun = protocol.send_data = _nothing
            # a relayed one hides its socket
            getattr(
                protocol.transport, "_TurnTransport__inner_protocol", protocol
            ).transport.abort()


async def _nothing(*_: object) -> None:
    """Nothing leaves."""
