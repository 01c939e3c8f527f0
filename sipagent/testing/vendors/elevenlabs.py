"""ElevenLabs' side of `multi-stream-input` (speech) and `/v1/speech-to-text/realtime` (Scribe)."""

from base64 import b64decode, b64encode
from typing import Any

from .scripts import Hearing, Line, Script, spoken
from .socket_server import Fields, Refusal, Unlawful, Visit, asked, lawful

_SPEECH = (
    "model_id language_code output_format inactivity_timeout auto_mode enable_logging seed "
    "apply_text_normalization"
)
_SCRIBE = (
    "model_id language_code audio_format commit_strategy keyterms no_verbatim "
    "filter_background_audio enable_logging"
)
#: contexts that may be open on a connection
_CONTEXTS = 5


class ElevenLabs:
    """A `Vendor`. `lines` are what it hears. A wrong key gets a connection, and an error on it."""

    def __init__(self, *lines: str | Line, key: str = "right") -> None:
        self._script = Script(*lines)
        self._key = key

    def refusal(self, visit: Visit) -> Refusal | None:
        """See `Vendor`."""
        if visit.path == "/v1/speech-to-text/realtime":
            wrong = asked(visit, _SCRIBE, "model_id audio_format commit_strategy")
        elif visit.path.endswith("/multi-stream-input"):
            wrong = asked(visit, _SPEECH, "model_id output_format")
        else:
            return Refusal(404, "no such path")
        return Refusal(400, wrong) if wrong else None

    async def serve(self, visit: Visit) -> None:
        """See `Vendor`."""
        scribe = visit.path == "/v1/speech-to-text/realtime"
        known = visit.headers.get("xi-api-key") == self._key
        try:
            if scribe and not known:
                await visit.say({"message_type": "auth_error", "error": "You must sign in."})
                await visit.close(1008, "auth_error")
            elif scribe:
                await Scribe(self._script, visit).serve()
            elif not known:
                await visit.say(_error("invalid_api_key", "Invalid API key"))
                await visit.close(1008, "Invalid API key")
            else:
                await Speech(visit).serve()
        except Unlawful as error:
            kind = {"message_type": "input_error"} if scribe else {}
            await visit.say({**kind, "error": str(error)})
            await visit.close(1008, "invalid message")


def _error(kind: str, said: str) -> dict[str, Any]:
    return {"message": said, "error": kind, "code": 1008}


class Speech:
    """`/v1/text-to-speech/VOICE/multi-stream-input`."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        kind, rate = visit.query["output_format"][0].split("_")
        self._encoding, self._rate = kind, int(rate)
        #: what was written to each context that is open
        self._contexts: dict[str, str] = {}

    async def serve(self) -> None:
        """Sound at a flush; the final message when a context is closed."""
        async for said in self._visit.hear():
            message = _multi(said)
            if message.get("close_socket"):
                return
            context = str(message["context_id"])
            if context not in self._contexts:
                if message.get("text") != " ":
                    raise Unlawful("a context begins with a space")
                self._contexts[context] = ""
            elif "voice_settings" in message:
                raise Unlawful("voice_settings can only be in the first message")
            if len(self._contexts) > _CONTEXTS:
                limit = f"Maximum simultaneous contexts exceeded ({_CONTEXTS})."
                await self._visit.say(_error("max_active_conversations", limit))
                await self._visit.close(1008, limit)
                return
            await self._write(context, message)

    async def _write(self, context: str, message: dict[str, Any]) -> None:
        self._contexts[context] += str(message.get("text", ""))
        if message.get("flush"):
            text = self._contexts[context].strip()
            self._contexts[context] = " "
            sounds = [
                {"audio": b64encode(sound).decode(), "isFinal": None, "contextId": context}
                for sound in spoken(text, self._encoding, self._rate)
            ]
            if not await self._visit.answer(*sounds):
                self._contexts[context] = "lost"
        if message.get("close_context"):
            if self._contexts[context] != "lost":
                await self._visit.say({"isFinal": True, "contextId": context})
            del self._contexts[context]


_MULTI: Fields = {
    "text": str,
    "flush": bool,
    "close_context": bool,
    "close_socket": bool,
    "voice_settings": dict,
}


def _multi(said: str | bytes) -> dict[str, Any]:
    """A message; it has no kind, only fields."""
    if isinstance(said, bytes):
        raise Unlawful("binary")
    if said == '{"close_socket": true}':
        return {"close_socket": True}
    known = {f"s{index}": _MULTI for index in range(1, 10_000)}
    return lawful(said, known, "context_id")


class Scribe:
    """`/v1/speech-to-text/realtime` with segments that the client commits."""

    def __init__(self, script: Script, visit: Visit) -> None:
        kind, rate = visit.query["audio_format"][0].split("_")
        self._visit = visit
        self._rate = int(rate)
        self._hearing = Hearing(script, kind, self._rate)

    async def serve(self) -> None:
        """A commit of less than 0.3 s is refused."""
        await self._visit.say({"message_type": "session_started", "session_id": "x", "config": {}})
        async for said in self._visit.hear():
            message = lawful(said, _SCRIBE_KINDS, "message_type")
            if message.get("sample_rate") != self._rate:
                raise Unlawful("sample_rate is not that of audio_format")
            audio = b64decode(message["audio_base_64"], validate=True)
            if audio:
                self._visit.said.append(audio)
                self._hearing.audio(audio)
            if guess := self._hearing.guess():
                await self._visit.say({"message_type": "partial_transcript", "text": guess})
            if message["commit"]:
                await self._commit()

    async def _commit(self) -> None:
        if self._hearing.ms < 300:
            too_soon = "Commit request ignored: less than 0.3s of uncommitted audio."
            await self._visit.say({"message_type": "commit_throttled", "error": too_soon})
            return
        half, text = self._hearing.line, self._hearing.over()
        guess = half.half if half else ""
        await self._visit.answer(
            {"message_type": "partial_transcript", "text": guess},
            {"message_type": "committed_transcript", "text": text},
        )


_SCRIBE_KINDS: dict[str, Fields] = {
    "input_audio_chunk": {
        "audio_base_64": str,
        "commit": bool,
        "sample_rate": int,
        "previous_text": str,
    }
}
