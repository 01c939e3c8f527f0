"""Cartesia's side of `/tts/websocket` (Sonic) and `/stt/websocket` (Ink)."""

import json
from base64 import b64encode
from typing import Any

from .scripts import Line, Script, hearing_of, spoken
from .socket_server import Fields, Refusal, Unlawful, Visit, asked, lawful

_INK = "model language keyterm encoding sample_rate min_volume max_silence_duration_secs"
_REQUEST: Fields = {
    "context_id": str,
    "transcript": str,
    "voice": dict,
    "language": str,
    "output_format": dict,
    "generation_config": dict,
    "pronunciation_dict_id": str,
    "continue": bool,
}


class Cartesia:
    """A `Vendor`. `lines` are what it hears."""

    def __init__(self, *lines: str | Line, key: str = "right") -> None:
        self._script = Script(*lines)
        self._key = key

    def refusal(self, visit: Visit) -> Refusal | None:
        """See `Vendor`."""
        if visit.headers.get("Authorization") != f"Bearer {self._key}":
            return Refusal(401, "invalid API key")
        if "Cartesia-Version" not in visit.headers:
            return Refusal(400, "no version")
        if visit.path == "/tts/websocket":
            return None
        if visit.path != "/stt/websocket":
            return Refusal(404, "no such path")
        wrong = asked(visit, _INK, "model encoding sample_rate")
        return Refusal(400, wrong) if wrong else None

    async def serve(self, visit: Visit) -> None:
        """See `Vendor`."""
        try:
            if visit.path == "/tts/websocket":
                await self._speak(visit)
            else:
                await self._hear(visit)
        except Unlawful as error:
            await visit.say(
                {"type": "error", "done": True, "title": "Invalid", "message": str(error),
                 "status_code": 400}
            )  # fmt: skip

    async def _speak(self, visit: Visit) -> None:
        async for said in visit.hear():
            if isinstance(said, bytes):
                raise Unlawful("binary")
            if json.loads(said).get("cancel"):
                context = lawful(said, {True: {"context_id": str}}, "cancel")["context_id"]  # type: ignore[dict-item]
                await visit.say(_told("done", context, done=True))
                continue
            request = lawful(said, {"sonic-3": _REQUEST}, "model_id")
            form = request["output_format"]
            sounds = [
                _told("chunk", request["context_id"], data=b64encode(sound).decode(), step_time=1.0)
                for sound in spoken(request["transcript"], form["encoding"], form["sample_rate"])
            ]
            await visit.answer(*sounds, _told("done", request["context_id"], done=True))

    async def _hear(self, visit: Visit) -> None:
        hearing = hearing_of(self._script, visit)
        async for said in visit.hear():
            if isinstance(said, bytes):
                hearing.audio(said)
                if guess := hearing.guess():
                    await visit.say(_transcript(guess, final=False))
            elif said == "finalize":
                text = hearing.over()
                # a delta each, spaces and all
                first, space, second = text.partition(" ")
                await visit.answer(
                    _transcript(first, final=True),
                    _transcript(space + second, final=True),
                    {"type": "flush_done", "request_id": "r"},
                )
            elif said == "close":
                await visit.say({"type": "done", "request_id": "r"})
                return
            else:
                raise Unlawful(f"no command {said[:80]!r}")


def _told(kind: str, context: str, *, done: bool = False, **more: Any) -> dict[str, Any]:
    return {"type": kind, "context_id": context, "done": done, "status_code": 206, **more}


def _transcript(text: str, *, final: bool) -> dict[str, Any]:
    return {"type": "transcript", "text": text, "is_final": final, "request_id": "r"}
