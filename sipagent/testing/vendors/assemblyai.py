"""AssemblyAI's side of universal streaming, `/v3/ws`."""

from typing import Any

from .scripts import Hearing, Line, Script, hearing_of
from .socket_server import Fields, Refusal, Unlawful, Visit, asked, lawful

_QUERY = (
    "speech_model language_codes keyterms_prompt format_turns end_of_turn_confidence_threshold "
    "min_turn_silence max_turn_silence vad_threshold filter_profanity encoding sample_rate"
)
_KINDS: dict[str, Fields] = {
    "ForceEndpoint": {},
    "KeepAlive": {},
    "Terminate": {},
    "UpdateConfiguration": {"keyterms_prompt": list, "language_codes": list},
}


class AssemblyAI:
    """A `Vendor`. `lines` are what it hears. A wrong key gets a connection, and an error on it."""

    def __init__(self, *lines: str | Line, key: str = "right") -> None:
        self._script = Script(*lines)
        self._key = key

    def refusal(self, visit: Visit) -> Refusal | None:
        """See `Vendor`."""
        if visit.path != "/v3/ws":
            return Refusal(404, "no such path")
        wrong = asked(visit, _QUERY, "speech_model encoding sample_rate")
        return Refusal(400, wrong) if wrong else None

    async def serve(self, visit: Visit) -> None:
        """See `Vendor`."""
        if visit.headers.get("Authorization") != self._key:
            await _end(visit, 1008, "Unauthorized Connection")
            return
        try:
            await _Session(self._script, visit).serve()
        except Unlawful as error:
            await _end(visit, 3006, str(error))


async def _end(visit: Visit, code: int, said: str) -> None:
    await visit.say({"type": "Error", "error_code": code, "error": said})
    await visit.close(code, "See Error message for details")


class _Session:
    def __init__(self, script: Script, visit: Visit) -> None:
        self._visit = visit
        self._hearing: Hearing = hearing_of(script, visit)
        self._formatted = visit.query.get("format_turns") == ["true"]
        self._order = 0

    async def serve(self) -> None:
        """Turns as audio comes; ForceEndpoint does nothing where no turn goes on."""
        await self._visit.say({"type": "Begin", "id": "x", "expires_at": 1_900_000_000})
        async for said in self._visit.hear():
            if isinstance(said, bytes):
                if not await self._audio(said):
                    return
                continue
            message = lawful(said, _KINDS)
            match message["type"]:
                case "ForceEndpoint" if self._hearing.guessed:
                    half = self._hearing.line.half if self._hearing.line else ""
                    await self._visit.answer(self._turn(half), *self._ended(self._hearing.over()))
                    self._order += 1
                case "ForceEndpoint":
                    self._hearing.over()
                    await self._visit.answer()
                case "Terminate":
                    await self._visit.say({"type": "Termination", "audio_duration_seconds": 1})
                    return

    async def _audio(self, audio: bytes) -> bool:
        ms = self._hearing.length(audio)
        if not 50 <= ms <= 1_000:
            await _end(self._visit, 3007, f"Audio chunk duration violation: {ms} ms")
            return False
        line = self._hearing.audio(audio)
        if line.text and (guess := self._hearing.guess()):
            await self._visit.say(self._turn(guess))
        if line.ends_itself is not None and self._hearing.ms >= line.ends_itself:
            await self._visit.say(*self._ended(self._hearing.over()))
            self._order += 1
            self._hearing.line = Line("")
        return True

    def _ended(self, text: str) -> list[dict[str, Any]]:
        plain = self._turn(text, end=True)
        if not self._formatted:
            return [plain]
        return [plain, {**self._turn(f"{text.capitalize()}.", end=True), "turn_is_formatted": True}]

    def _turn(self, text: str, *, end: bool = False) -> dict[str, Any]:
        words = [
            {"text": word, "start": 0, "end": 1, "confidence": 0.9, "word_is_final": end}
            for word in text.split()
        ]
        return {
            "type": "Turn",
            "turn_order": self._order,
            "turn_is_formatted": False,
            "end_of_turn": end,
            # words that may still change are not in it
            "transcript": text if end else "",
            "end_of_turn_confidence": 0.5,
            "words": words,
        }
