"""WyomingServer: hears and speaks over the Wyoming protocol, from a script, with faults."""

import asyncio
import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from ..tcp import TcpServer
from .faults import LATE, Fault
from .sounds import tone

RATE = 22_050
_PIECE = 1024 * 2


@dataclass(frozen=True, slots=True)
class HeardSpeech:
    """One utterance: what was asked, and the audio."""

    request: Mapping[str, Any]
    rate: int
    pcm: bytes


@dataclass(slots=True)
class WyomingServer:
    """Use as `async with WyomingServer(deque(["hello"])) as server:`, on `server.base_url`.

    It closes the connection after a transcript, as wyoming-faster-whisper does, and keeps it
    after speech, as wyoming-piper does. `streams` sends the text word by word first. Each of
    `faults` spoils one answer.
    """

    texts: deque[str] = field(default_factory=deque)
    hertz: float = 400.0
    streams: bool = False
    keeps: bool = True
    faults: deque[Fault] = field(default_factory=deque)
    heard: list[HeardSpeech] = field(default_factory=list)
    #: data of each `synthesize`
    spoken: list[Mapping[str, Any]] = field(default_factory=list)
    _tcp: TcpServer = field(init=False)

    def __post_init__(self) -> None:
        self._tcp = TcpServer(self._talk)

    async def __aenter__(self) -> Self:
        await self._tcp.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._tcp.__aexit__(*error)

    @property
    def base_url(self) -> str:
        """`tcp://127.0.0.1:PORT`."""
        return f"tcp://{self._tcp.place}"

    @property
    def live(self) -> int:
        """Connections that are open."""
        return self._tcp.live

    @property
    def connections(self) -> int:
        """TCP connections there were so far."""
        return self._tcp.connections

    async def _talk(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int
    ) -> None:
        request: Mapping[str, Any] = {}
        rate, audio = 0, b""
        while (message := await _receive(reader)) is not None:
            kind, data, payload = message
            match kind:
                case "transcribe":
                    request = data
                case "audio-start":
                    rate, audio = data["rate"], b""
                case "audio-chunk":
                    assert (data["rate"], data["width"], data["channels"]) == (rate, 2, 1)
                    audio += payload
                case "audio-stop":
                    self.heard.append(HeardSpeech(request, rate, audio))
                    await self._spoilt(self._transcript(), reader, writer)
                    return
                case "synthesize":
                    self.spoken.append(data)
                    await self._spoilt(self._speech(data["text"]), reader, writer)
                    if not self.keeps:
                        return

    def _transcript(self) -> list[bytes]:
        text = self.texts.popleft() if self.texts else ""
        words = text.split(" ") if self.streams else []
        chunks = [
            _message("transcript-chunk", {"text": word if index == 0 else f" {word}"})
            for index, word in enumerate(words)
        ]
        start = [_message("transcript-start", {})] if self.streams else []
        stop = [_message("transcript-stop", {})] if self.streams else []
        return [*start, *chunks, _message("transcript", {"text": text}), *stop]

    def _speech(self, text: str) -> list[bytes]:
        form = {"rate": RATE, "width": 2, "channels": 1}
        pcm = tone(self.hertz, len(text.split()) * 200, RATE)
        pieces = [pcm[start : start + _PIECE] for start in range(0, len(pcm), _PIECE)]
        return [
            _message("audio-start", form),
            *(_message("audio-chunk", form, piece) for piece in pieces),
            _message("audio-stop", {"timestamp": None}),
        ]

    async def _spoilt(
        self, messages: list[bytes], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        fault = self.faults.popleft() if self.faults else None
        match fault:
            case Fault.LATE:
                await asyncio.sleep(LATE)
            case Fault.SILENT:
                # until the client is gone
                await reader.read(1)
                return
            case Fault.MALFORMED:
                messages = [b"HTTP/1.1 400 Bad Request\r\n\r\n"]
            case Fault.BROKEN:
                messages = [_message("error", {"text": "out of memory", "code": "1"})]
            case Fault.HUGE:
                messages = [b'{"type": "audio-chunk", "payload_length": 99999999999}\n']
            case Fault.HALF_CLOSED:
                messages = [b"".join(messages)[:-20]]
        for message in messages:
            writer.write(message)
            await writer.drain()
        if fault is Fault.HALF_CLOSED:
            writer.close()


async def _receive(reader: asyncio.StreamReader) -> tuple[str, Mapping[str, Any], bytes] | None:
    line = await reader.readline()
    if not line:
        return None
    head = json.loads(line)
    data = head.get("data", {})
    if length := head.get("data_length"):
        data |= json.loads(await reader.readexactly(length))
    return head["type"], data, await reader.readexactly(head.get("payload_length", 0))


def _message(kind: str, data: Mapping[str, Any], payload: bytes = b"") -> bytes:
    """Data behind the head, as the package writes it."""
    raw = json.dumps(dict(data)).encode() if data else b""
    head = {"type": kind, "version": "1.10.2"}
    lengths = {"data_length": len(raw), "payload_length": len(payload)}
    line = json.dumps(head | {name: size for name, size in lengths.items() if size})
    return line.encode() + b"\n" + raw + payload
