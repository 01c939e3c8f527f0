"""Baresip: Debian's softphone as a peer, driven over its `ctrl_tcp` socket."""

import asyncio
import json
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

from sipagent.errors import SipAgentError
from sipagent.media.resample import Resampler
from sipagent.tasks import stopped

from . import audio, processes
from .baresip_config import CONFIG, account
from .ports import free_port

#: its `aufile` source hangs up at the end of the file, so the file never ends within a test
_PADDING_SECONDS = 120
_WIDEBAND = 16_000


class BaresipError(SipAgentError):
    """baresip did not start, or said no to a command."""


@dataclass(frozen=True, slots=True)
class BaresipEvent:
    """What baresip told: `type` as it names it (CALL_ESTABLISHED ...), `at` perf_counter."""

    type: str
    param: str
    at: float
    data: dict[str, Any] = field(default_factory=dict)


class Baresip:
    """`async with Baresip(user="1001", play=pcm) as phone: await phone.dial(uri)`.

    Recordings of both directions lie in `folder`, one pair a call; see `heard` and `sent`.
    `authorities` is a PEM file of CAs a TLS server must have its certificate from.
    `registrar` ("host:port") is also where bare numbers are dialled; it registers only with a
    `password`.
    """

    def __init__(
        self,
        *,
        user: str = "baresip",
        password: str | None = None,
        registrar: str = "127.0.0.1:5060",
        play: bytes = b"",
        codecs: Sequence[str] = ("PCMU",),
        answer: Literal["manual", "auto"] = "manual",
        transport: Literal["udp", "tcp", "tls"] = "udp",
        media_encryption: Literal["", "srtp"] = "",
        authorities: Path | None = None,
    ) -> None:
        self.events: list[BaresipEvent] = []
        self.port = free_port()
        self._played = 0
        # its own resampling leaves nothing above 2 kHz: it gets what its codec takes
        self._rate = _WIDEBAND if "G722" in codecs else audio.RATE
        self._user = user
        self._registrar = registrar
        self._control = free_port()
        self._temporary = tempfile.TemporaryDirectory(prefix="baresip-")
        self._happened = asyncio.Event()
        self._replies: asyncio.Queue[dict[str, Any]] = asyncio.Queue(maxsize=16)
        self._process: asyncio.subprocess.Process | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._reader: asyncio.Task[None] | None = None
        self._write_config(play, media_encryption, authorities)
        line = account(user, registrar, transport, codecs, answer)
        if password is None:
            line += ";regint=0"
        else:
            line += f";regint=60;auth_user={user};auth_pass={password}"
        if media_encryption:
            line += ";mediaenc=srtp-mand"
        (self.folder / "accounts").write_text(line + "\n")
        (self.folder / "contacts").touch()

    async def __aenter__(self) -> Self:
        command = ["baresip", "-4", "-f", str(self.folder), "-v"]
        self._process = await processes.start(command, self._log, self.folder)
        try:
            reader, self._writer = await self._connect(self._process)
        except BaseException:  # cancelled as well: no process is left behind
            await self._close()
            raise
        self._reader = asyncio.ensure_future(self._read(reader))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._close()

    @property
    def folder(self) -> Path:
        """Its configuration, log and recordings; gone when it is left."""
        return Path(self._temporary.name)

    @property
    def uri(self) -> str:
        """How to call it."""
        return f"sip:{self._user}@127.0.0.1:{self.port}"

    async def command(self, command: str, params: str = "") -> str:
        """Run a command of its menu. Raises BaresipError when it says no, or nothing."""
        if self._writer is None:
            raise BaresipError("baresip is not running")
        text = json.dumps({"command": command, "params": params, "token": "t"}).encode()
        self._writer.write(b"%d:%s," % (len(text), text))
        try:
            async with asyncio.timeout(5):
                reply = await self._replies.get()
        except TimeoutError as error:
            raise BaresipError(f"{command}: no reply") from error
        if not reply.get("ok"):
            raise BaresipError(f"{command}: {reply.get('data')}")
        return str(reply.get("data", ""))

    async def dial(self, target: str) -> None:
        """Call a URI, or a user at the registrar."""
        await self.command("dial", self._uri(target))

    async def accept(self) -> None:
        """Answer the call that rings."""
        await self.command("accept")

    async def hangup(self) -> None:
        """Hang up, cancel or refuse."""
        await self.command("hangup")

    async def hold(self) -> None:
        """Put the far end on hold."""
        await self.command("hold")

    async def resume(self) -> None:
        """Take the far end back."""
        await self.command("resume")

    async def transfer(self, target: str) -> None:
        """Send REFER for a URI, or for a user at the registrar."""
        await self.command("transfer", self._uri(target))

    async def play(self, pcm: bytes) -> None:
        """Say this (s16le, 8 kHz) from now on, in place of what was being said."""
        self._played += 1
        wav = self.folder / f"play-{self._played}.wav"
        self._write_source(wav, pcm)
        await self.command("ausrc", f"aufile,{wav}")

    async def press(self, keys: str) -> None:
        """Press keys as RFC 4733 events; each is held for 120 ms."""
        for key in keys:
            await self.command("sndcode", key)
            await asyncio.sleep(0.12)
            await self.command("sndcode", "\x04")  # its menu's code for letting go
            await asyncio.sleep(0.08)

    async def wait_event(self, *types: str, after: int = 0, timeout: float = 10) -> BaresipEvent:
        """The first event of these types, not counting the first `after` of all events.

        Raises TimeoutError.
        """
        async with asyncio.timeout(timeout):
            while True:
                for event in self.events[after:]:
                    if event.type in types:
                        return event
                self._happened.clear()
                await self._happened.wait()

    async def wait_registered(self, timeout: float = 10) -> None:
        """Wait for the registrar's 200. It is read from the log: the first REGISTER is over
        before anybody can be connected to hear of it. Raises TimeoutError.
        """
        async with asyncio.timeout(timeout):
            while not self._registered():  # noqa: ASYNC110 - a log file sends no event
                await asyncio.sleep(0.05)

    def heard(self) -> bytes:
        """What it decoded from RTP in its last call (s16le, 8 kHz); whole after the call."""
        return self._recording("dec")

    def sent(self) -> bytes:
        """What it sent in its last call."""
        return self._recording("enc")

    @property
    def _log(self) -> Path:
        return self.folder / "baresip.log"

    def _registered(self) -> bool:
        lines = self._log.read_text(errors="replace").splitlines()
        return any(self._user in line and "200 OK" in line and "binding" in line for line in lines)

    def _uri(self, target: str) -> str:
        return target if target.startswith("sip") else f"sip:{target}@{self._registrar}"

    def _recording(self, side: Literal["enc", "dec"]) -> bytes:
        files = sorted(self.folder.glob(f"dump-*-{side}.wav"))
        if not files:
            return b""
        pcm, rate = audio.read_wav(files[-1])
        return Resampler(rate, audio.RATE, "HQ").finish(pcm)

    def _write_source(self, wav: Path, pcm: bytes) -> None:
        sound = Resampler(audio.RATE, self._rate, "HQ").finish(pcm)
        audio.write_wav(wav, sound + audio.silence(_PADDING_SECONDS, self._rate), self._rate)

    def _write_config(self, play: bytes, media_encryption: str, authorities: Path | None) -> None:
        wav = self.folder / "play.wav"
        self._write_source(wav, play)
        modules = ["g711", "g722", "opus", "aufile", "sndfile", "aubridge"]
        modules += ["srtp"] if media_encryption else []
        config = CONFIG.format(
            port=self.port,
            control=self._control,
            source=wav,
            folder=self.folder,
            rate=self._rate,
        )
        config += "".join(f"module {name}.so\n" for name in modules)
        if authorities is not None:  # without them it believes anybody
            config += f"sip_cafile {authorities}\n"
        (self.folder / "config").write_text(config)

    async def _connect(
        self, process: asyncio.subprocess.Process
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        deadline = time.monotonic() + 10
        while True:
            with suppress(ConnectionRefusedError):
                return await asyncio.open_connection("127.0.0.1", self._control)
            if process.returncode is not None or time.monotonic() > deadline:
                log = self._log.read_text(errors="replace")
                raise BaresipError(f"baresip did not start: {log[-1500:]}")
            await asyncio.sleep(0.02)

    async def _read(self, reader: asyncio.StreamReader) -> None:
        """Take netstrings off the control socket until baresip closes it."""
        with suppress(asyncio.IncompleteReadError, ConnectionResetError):
            while True:
                length = int((await reader.readuntil(b":"))[:-1])
                text = (await reader.readexactly(length + 1))[:-1]
                self._take(json.loads(text.decode("utf-8", "replace")))

    def _take(self, message: dict[str, Any]) -> None:
        if not message.get("event"):
            self._replies.put_nowait(message)
            return
        kind, param = str(message.get("type", "")), str(message.get("param", ""))
        self.events.append(BaresipEvent(kind, param, time.perf_counter(), message))
        self._happened.set()

    async def _close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        await stopped(self._reader)
        if self._process is not None:
            await processes.stop(self._process)
        self._temporary.cleanup()
