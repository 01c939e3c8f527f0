"""RealtimeSession: one connection to the local OpenAI Realtime server."""

import asyncio
import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import Any

from openai.types.realtime import RealtimeClientEvent, RealtimeServerEvent
from pydantic import BaseModel, TypeAdapter, ValidationError
from websockets.asyncio.server import ServerConnection

from sipagent.tasks import stopped

from .faults import LATE, Fault
from .realtime_script import Item, Reply, Script

_CLIENT: TypeAdapter[BaseModel] = TypeAdapter(RealtimeClientEvent)
_SERVER: TypeAdapter[BaseModel] = TypeAdapter(RealtimeServerEvent)
#: bytes a second, by format
_RATES = {"audio/pcmu": 8_000, "audio/pcma": 8_000, "audio/pcm": 48_000}
#: of sound in one delta, and the least that can be committed
_PIECE_MS, _LEAST_MS = 200, 100
_USAGE = {
    "input_tokens": 100,
    "output_tokens": 40,
    "total_tokens": 140,
    "input_token_details": {"cached_tokens": 60, "audio_tokens": 80, "text_tokens": 20},
    "output_token_details": {"audio_tokens": 30, "text_tokens": 10},
}


class RealtimeSession:
    """One connection, and everything that came over it."""

    def __init__(self, socket: ServerConnection, script: Script) -> None:
        self.config: dict[str, Any] = {}
        self.items: list[Item] = []
        #: every client event but those with sound, as it came
        self.events: list[dict[str, Any]] = []
        #: what went wrong by the client's fault, as it was told
        self.complaints: list[str] = []
        self.cancelled = 0
        self._socket = socket
        self._script = script
        self._buffer = bytearray()
        self._ids = count(1)
        self._running: dict[str, asyncio.Task[None]] = {}
        #: responses in the conversation
        self._main: set[str] = set()

    async def run(self) -> None:
        """Serve until the connection ends."""
        await self._tell("session.created", session={"type": "realtime"})
        try:
            async for raw in self._socket:
                await self._take(json.loads(raw))
        finally:
            await stopped(*self._running.values())

    def kill(self) -> None:
        """End it without a word."""
        self._socket.transport.abort()

    def item(self, role: str, number: int = -1) -> Item:
        """One of the items of a role, the newest where none is named. Raises IndexError."""
        return [item for item in self.items if item.role == role][number]

    def told(self, kind: str) -> list[dict[str, Any]]:
        """The client events of one type."""
        return [event for event in self.events if event["type"] == kind]

    async def _take(self, event: dict[str, Any]) -> None:
        kind = event.get("type", "")
        if kind != "input_audio_buffer.append":
            self.events.append(event)
        try:
            unknown = list(_extras(_CLIENT.validate_python(event)))
        except ValidationError as error:
            await self._complain(event, "invalid_value", str(error.errors()[0]["msg"]))
            return
        if unknown:
            await self._complain(event, "unknown_parameter", f"Unknown parameter: {unknown[0]}")
            return
        handler = getattr(self, "_on_" + kind.replace(".", "_"), None)
        if handler is None:
            await self._complain(event, "unsupported", f"{kind} is not served here")
        else:
            await handler(event)

    async def _on_session_update(self, event: dict[str, Any]) -> None:
        self.config |= event["session"]
        await self._tell("session.updated", session=event["session"])

    async def _on_input_audio_buffer_append(self, event: dict[str, Any]) -> None:
        self._buffer += base64.b64decode(event["audio"])

    async def _on_input_audio_buffer_clear(self, event: dict[str, Any]) -> None:
        self._buffer.clear()
        await self._tell("input_audio_buffer.cleared")

    async def _on_input_audio_buffer_commit(self, event: dict[str, Any]) -> None:
        if len(self._buffer) < self._rate("input") * _LEAST_MS // 1000:
            code = "input_audio_buffer_commit_empty"
            await self._complain(event, code, "the buffer is too small")
            return
        item = self._add("user", audio=bytes(self._buffer))
        self._buffer.clear()
        await self._tell("input_audio_buffer.committed", item_id=item.id)
        if self.config["audio"]["input"].get("transcription"):
            # it runs beside the answer
            self._start(item.id, self._transcribe(item, self._script.hears()))

    async def _transcribe(self, item: Item, heard: str | Fault) -> None:
        kind = "conversation.item.input_audio_transcription"
        await asyncio.sleep(self._script.transcription_seconds)
        if isinstance(heard, Fault):
            error = {"code": "transcription_failed", "message": str(heard), "type": "server_error"}
            await self._tell(f"{kind}.failed", item_id=item.id, content_index=0, error=error)
            return
        item.text = heard
        usage = {"type": "duration", "seconds": 1.0}
        await self._tell(
            f"{kind}.completed", item_id=item.id, content_index=0, transcript=heard, usage=usage
        )

    async def _on_conversation_item_create(self, event: dict[str, Any]) -> None:
        told = event["item"]
        text = "".join(part.get("text", "") for part in told.get("content", ()))
        if told["type"] == "function_call_output":
            asked = [item for item in self.items if item.call_id == told["call_id"]]
            if not asked:
                await self._complain(event, "invalid_value", "nobody asked for that call_id")
                return
            self._add("tool", text=told["output"], call_id=told["call_id"])
        else:
            self._add(told["role"], text=text)

    async def _on_conversation_item_delete(self, event: dict[str, Any]) -> None:
        item = self._known(event["item_id"])
        if item is None:
            await self._complain(event, "item_delete_invalid_item_id", "there is no such item")
            return
        self.items.remove(item)
        await self._tell("conversation.item.deleted", item_id=item.id)

    async def _on_conversation_item_truncate(self, event: dict[str, Any]) -> None:
        item = self._known(event["item_id"])
        if item is None or item.role != "assistant":
            await self._complain(event, "invalid_value", "only assistant items can be truncated")
            return
        length = len(item.audio) * 1000 // self._rate("output")
        if event["audio_end_ms"] > length:
            await self._complain(event, "invalid_value", f"the audio is only {length} ms long")
            return
        item.truncated_ms, item.text = event["audio_end_ms"], ""
        await self._tell(
            "conversation.item.truncated",
            item_id=item.id,
            content_index=0,
            audio_end_ms=event["audio_end_ms"],
        )

    async def _on_response_create(self, event: dict[str, Any]) -> None:
        order = event.get("response") or {}
        aside = order.get("conversation") == "none"
        if not aside and any(name in self._main for name in self._running):
            code = "conversation_already_has_active_response"
            await self._complain(event, code, "a response is being made")
            return
        response = self._id("resp")
        if aside:
            reply = Reply(order["input"][0]["content"][0]["text"])
        else:
            self._main.add(response)
            reply = self._script.reply(self.items[-1] if self.items else None)
        self._start(response, self._respond(response, order, reply, aside))

    async def _on_response_cancel(self, event: dict[str, Any]) -> None:
        task = self._running.get(event.get("response_id", ""))
        if task is None:
            await self._complain(event, "response_cancel_not_active", "nothing to cancel")
            return
        self.cancelled += 1
        task.cancel()

    async def _respond(
        self, response: str, order: Mapping[str, Any], reply: Reply, aside: bool
    ) -> None:
        about = {"id": response, "object": "realtime.response", "metadata": order.get("metadata")}
        if reply.fault is Fault.SILENT:
            await asyncio.Event().wait()
        await asyncio.sleep(LATE if reply.fault is Fault.LATE else 0)
        await self._tell("response.created", response={**about, "status": "in_progress"})
        status: dict[str, Any] = {"status": "completed"}
        try:
            if reply.fault in (Fault.RATE_LIMITED, Fault.BROKEN):
                status = _failed(reply.fault)
            else:
                await self._speak(response, reply, aside)
        except asyncio.CancelledError:
            details = {"type": "cancelled", "reason": "client_cancelled"}
            status = {"status": "cancelled", "status_details": details}
        # what can be asked for next is known with this event
        self._running.pop(response, None)
        await self._tell("response.done", response={**about, **status, "usage": _USAGE})

    async def _speak(self, response: str, reply: Reply, aside: bool) -> None:
        place = {"response_id": response, "output_index": 0}
        if reply.text:
            item = Item(self._id("item"), "assistant") if aside else self._add("assistant")
            here = {**place, "item_id": item.id, "content_index": 0}
            for number, (word, sound) in enumerate(self._script.sound(reply, self._format())):
                if number == reply.drop_after:
                    self.kill()
                    await asyncio.Event().wait()
                if reply.fault is Fault.MALFORMED:
                    await self._socket.send('{"type": "response.output_audio.delta", "delta": 1}')
                text = f" {word}" if item.text else word
                item.text += text
                item.audio += sound
                await self._tell("response.output_audio_transcript.delta", delta=text, **here)
                for piece in _pieces(sound, self._rate("output") * _PIECE_MS // 1000):
                    delta = base64.b64encode(piece).decode()
                    await self._tell("response.output_audio.delta", delta=delta, **here)
                await asyncio.sleep(reply.pace)
        for tool in reply.tools:
            call = self._add("call", call_id=self._id("call"))
            item_told = {
                "id": call.id,
                "type": "function_call",
                "status": "completed",
                "call_id": call.call_id,
                "name": tool.name,
                "arguments": tool.arguments,
            }
            await self._tell("response.output_item.done", item=item_told, **place)

    def _add(self, role: str, *, text: str = "", audio: bytes = b"", call_id: str = "") -> Item:
        item = Item(self._id("item"), role, text, bytearray(audio), call_id)
        self.items.append(item)
        return item

    def _known(self, item_id: str) -> Item | None:
        return next((item for item in self.items if item.id == item_id), None)

    def _start(self, name: str, work: Any) -> None:
        task = self._running[name] = asyncio.create_task(work)
        task.add_done_callback(lambda _: self._running.pop(name, None))

    def _format(self) -> str:
        return str(self.config["audio"]["output"]["format"]["type"])

    def _rate(self, way: str) -> int:
        return _RATES[self.config["audio"][way]["format"]["type"]]

    def _id(self, kind: str) -> str:
        return f"{kind}_{next(self._ids):04}"

    async def _complain(self, event: Mapping[str, Any], code: str, message: str) -> None:
        self.complaints.append(f"{event.get('type')}: {code}: {message}")
        error = {"type": "invalid_request_error", "code": code, "message": message}
        await self._tell("error", error={**error, "event_id": event.get("event_id")})

    async def _tell(self, kind: str, **fields: Any) -> None:
        event = {"type": kind, "event_id": self._id("event"), **fields}
        _SERVER.validate_python(event)
        await self._socket.send(json.dumps(event))


def _failed(fault: Fault) -> dict[str, Any]:
    code = "rate_limit_exceeded" if fault is Fault.RATE_LIMITED else "server_error"
    error = {"type": code, "code": code, "message": f"the model is {fault}"}
    return {"status": "failed", "status_details": {"type": "failed", "error": error}}


def _pieces(data: bytes, size: int) -> Sequence[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


def _extras(model: object) -> Iterator[str]:
    """Fields the vendor's types do not know, anywhere in a message."""
    if isinstance(model, BaseModel):
        yield from model.model_extra or ()
        for name in type(model).model_fields:
            yield from _extras(getattr(model, name))
    elif isinstance(model, list):
        for part in model:
            yield from _extras(part)
