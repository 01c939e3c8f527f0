"""GeminiServer: Gemini Live from a script, strict by the vendor's own message types."""

import asyncio
import base64
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Self

from google.genai import types
from pydantic import ValidationError
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from sipagent.tasks import stopped

from .faults import LATE, Fault
from .realtime_script import Item, Reply, Script

PATH = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
_USAGE = {
    "promptTokenCount": 100,
    "responseTokenCount": 40,
    "totalTokenCount": 140,
    "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 80}],
    "responseTokensDetails": [{"modality": "AUDIO", "tokenCount": 40}],
}
#: bytes of s16le at 24 kHz in one message: 200 ms
_PIECE = 9_600
#: how connections are closed
_CLOSES = {
    Fault.WRONG_KEY: (1007, "API key not valid. Please pass a valid API key."),
    Fault.RATE_LIMITED: (1011, "You exceeded your current quota, please check your plan."),
    Fault.BROKEN: (1011, "Internal error encountered."),
}


@dataclass(slots=True)
class GeminiServer:
    """Use as `async with GeminiServer(Script(...)) as server:`, on `server.base_url`.

    `refusals` are faults of the connections to come; with `api_key` any other is refused.
    """

    script: Script = field(default_factory=Script)
    api_key: str = ""
    refusals: list[Fault] = field(default_factory=list)
    sessions: list["GeminiSession"] = field(default_factory=list)
    _server: Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await serve(self._talk, "127.0.0.1", 0, process_request=self._admit)
        return self

    async def __aexit__(self, *error: object) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    @property
    def base_url(self) -> str:
        """Where the API begins, as a client's `base_url`."""
        assert self._server is not None
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"ws://{host}:{port}"

    @property
    def session(self) -> "GeminiSession":
        """The newest session. Raises IndexError."""
        return self.sessions[-1]

    def kill(self) -> None:
        """End every connection without a word."""
        for session in self.sessions:
            session.kill()

    async def _admit(self, socket: ServerConnection, request: Request) -> Response | None:
        return None if request.path == PATH else socket.respond(404, "there is nothing here\n")

    async def _talk(self, socket: ServerConnection) -> None:
        fault = self.refusals.pop(0) if self.refusals else None
        assert socket.request is not None
        if self.api_key and socket.request.headers.get("x-goog-api-key") != self.api_key:
            fault = Fault.WRONG_KEY
        if fault in _CLOSES:
            await socket.close(*_CLOSES[fault])
            return
        session = GeminiSession(socket, self.script)
        self.sessions.append(session)
        with suppress(ConnectionClosed):
            await session.run()


class GeminiSession:
    """One connection, and everything that came over it."""

    def __init__(self, socket: ServerConnection, script: Script) -> None:
        self.setup: dict[str, Any] = {}
        self.items: list[Item] = []
        self.interrupted = 0
        #: ids of tool calls that nobody has answered
        self.asked: set[str] = set()
        self._socket = socket
        self._script = script
        self._ids = count(1)
        self._activity: Item | None = None
        self._making: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Serve until the connection ends."""
        try:
            async for raw in self._socket:
                try:
                    await self._take(json.loads(raw))
                except (ValidationError, KeyError) as error:
                    await self._socket.close(
                        1007, f"Request contains an invalid argument. {error}"[:100]
                    )
        finally:
            await self._stop()

    def kill(self) -> None:
        """End it without a word."""
        self._socket.transport.abort()

    def item(self, role: str, number: int = -1) -> Item:
        """One of the items of a role, the newest where none is named. Raises IndexError."""
        return [item for item in self.items if item.role == role][number]

    async def leave(self) -> None:
        """Tell the client that the session will end."""
        await self._tell({"goAway": {"timeLeft": "5s"}})

    async def _take(self, message: dict[str, Any]) -> None:
        _check(message)
        ((kind, told),) = message.items()
        if not self.setup and kind != "setup":
            raise KeyError("the first message must be setup")
        match kind:
            case "setup":
                self.setup = told
                await self._tell({"setupComplete": {}})
            case "clientContent":
                await self._history(told)
            case "realtimeInput":
                await self._heard(told)
            case "toolResponse":
                await self._results(told["functionResponses"])

    async def _history(self, told: dict[str, Any]) -> None:
        await self._interrupt()
        for turn in told["turns"]:
            role = "assistant" if turn["role"] == "model" else "user"
            self._add(role, text="".join(part["text"] for part in turn["parts"]))
        if told.get("turnComplete"):
            self._answer("")

    async def _heard(self, told: dict[str, Any]) -> None:
        ((kind, value),) = told.items()
        if kind == "activityStart":
            if self._activity is not None:
                raise KeyError("an activity runs already")
            await self._interrupt()
            self._activity = Item(self._id("item"), "user")
            return
        if self._activity is None:
            raise KeyError("no activity runs")
        match kind:
            case "text":
                self._add("note", text=value)
            case "audio":
                if value["mimeType"] != "audio/pcm;rate=16000":
                    raise KeyError("not a mimeType of input audio")
                self._activity.audio += base64.b64decode(value["data"])
            case "activityEnd":
                activity, self._activity = self._activity, None
                heard = ""
                if activity.audio:
                    self.items.append(activity)
                    told_text = self._script.hears()
                    heard = "" if isinstance(told_text, Fault) else told_text
                    activity.text = heard
                self._answer(heard)

    async def _results(self, responses: Sequence[dict[str, Any]]) -> None:
        for response in responses:
            self.asked.remove(response["id"])
            self._add("tool", text=response["response"]["output"], call_id=response["id"])
        if not self.asked:
            self._answer("")

    def _answer(self, heard: str) -> None:
        last = self.items[-1] if self.items else None
        self._making = asyncio.create_task(self._make(self._script.reply(last), heard))

    async def _interrupt(self) -> None:
        if self._making is None or self._making.done():
            return
        self.interrupted += 1
        await self._stop()
        await self._content(interrupted=True)
        await self._content(turnComplete=True)

    async def _stop(self) -> None:
        await stopped(self._making)

    async def _make(self, reply: Reply, heard: str) -> None:
        if reply.fault is Fault.SILENT:
            await asyncio.Event().wait()
        await asyncio.sleep(LATE if reply.fault is Fault.LATE else 0)
        if reply.fault in _CLOSES:
            await self._socket.close(*_CLOSES[reply.fault])
            return
        for word in heard.split():
            await self._content(inputTranscription={"text": f"{word} "})
        await self._speak(reply)
        if reply.tools:
            calls = []
            for tool in reply.tools:
                call = self._add("call", call_id=self._id("call"))
                self.asked.add(call.call_id)
                arguments = json.loads(tool.arguments)
                calls.append({"id": call.call_id, "name": tool.name, "args": arguments})
            await self._tell({"toolCall": {"functionCalls": calls}})
            return
        await self._content(generationComplete=True)
        await self._tell({"serverContent": {"turnComplete": True}, "usageMetadata": _USAGE})

    async def _speak(self, reply: Reply) -> None:
        item = self._add("assistant") if reply.text else None
        for number, (word, sound) in enumerate(self._script.sound(reply, "audio/pcm")):
            assert item is not None
            if number == reply.drop_after:
                self.kill()
                await asyncio.Event().wait()
            if reply.fault is Fault.MALFORMED:
                await self._socket.send(b'{"serverContent": {"modelTurn": {"parts": 7}}}')
            item.text = f"{item.text} {word}".strip()
            item.audio += sound
            await self._content(outputTranscription={"text": f"{word} "})
            for start in range(0, len(sound), _PIECE):
                data = base64.b64encode(sound[start : start + _PIECE]).decode()
                part = {"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": data}}
                await self._content(modelTurn={"role": "model", "parts": [part]})
            await asyncio.sleep(reply.pace)

    def _add(self, role: str, *, text: str = "", call_id: str = "") -> Item:
        item = Item(self._id("item"), role, text, call_id=call_id)
        self.items.append(item)
        return item

    def _id(self, kind: str) -> str:
        return f"{kind}_{next(self._ids):04}"

    async def _content(self, **fields: Any) -> None:
        await self._tell({"serverContent": fields})

    async def _tell(self, message: dict[str, Any]) -> None:
        types.LiveServerMessage.model_validate(message)
        # the vendor sends its JSON as binary messages
        await self._socket.send(json.dumps(message).encode())


def _check(message: dict[str, Any]) -> None:
    """Raises ValidationError. What the SDK's setup leaves out of its type it sends nevertheless."""
    told = {kind: dict(value) for kind, value in message.items()}
    if heard := told.get("setup", {}).pop("realtimeInputConfig", None):
        types.RealtimeInputConfig.model_validate(heard)
    types.LiveClientMessage.model_validate(told)
