"""Deepgram's side of `/v1/listen` (Nova), `/v2/listen` (Flux) and `/v1/speak` (Aura)."""

from collections.abc import Callable, Coroutine
from typing import Any

from .scripts import Hearing, Line, Script, hearing_of, spoken
from .socket_server import Fields, Refusal, Unlawful, Visit, asked, lawful

_NOVA = (
    "model language keyterm keywords endpointing utterance_end_ms punctuate smart_format numerals "
    "profanity_filter redact diarize mip_opt_out tag encoding sample_rate channels interim_results"
)
_FLUX = (
    "model language_hint keyterm eot_threshold eager_eot_threshold eot_timeout_ms numerals "
    "profanity_filter redact mip_opt_out tag encoding sample_rate"
)
_AURA = "model encoding sample_rate speed mip_opt_out"


class Deepgram:
    """A `Vendor`. `lines` are what it hears, then `again`."""

    def __init__(self, *lines: str | Line, key: str = "right", again: Line | None = None) -> None:
        self._script = Script(*lines, again=again)
        self._key = key

    def refusal(self, visit: Visit) -> Refusal | None:
        """See `Vendor`."""
        known = {"/v1/listen": _NOVA, "/v2/listen": _FLUX, "/v1/speak": _AURA}.get(visit.path)
        if known is None:
            return Refusal(404, "no such path")
        if visit.headers.get("Authorization") != f"Token {self._key}":
            return Refusal(401, '{"err_code": "INVALID_AUTH", "err_msg": "Invalid credentials."}')
        if wrong := asked(visit, known, "model encoding sample_rate"):
            return Refusal(400, "", {"dg-error": wrong})
        return None

    async def serve(self, visit: Visit) -> None:
        """See `Vendor`."""
        kinds: dict[str, Callable[[Visit], Coroutine[Any, Any, None]]] = {
            "/v1/listen": Nova(self._script).serve,
            "/v2/listen": Flux(self._script).serve,
            "/v1/speak": Aura().serve,
        }
        try:
            await kinds[visit.path](visit)
        except Unlawful as error:
            await visit.say({"type": "Error", "variant": "SchemaError", "description": str(error)})
            await visit.close(1008, "SchemaError")


class Nova:
    """`/v1/listen`. A word of the script that begins with `1/` is of the second voice."""

    def __init__(self, script: Script) -> None:
        self._script = script

    async def serve(self, visit: Visit) -> None:
        """Interim results as audio comes, final ones on Finalize or where the script says."""
        hearing = hearing_of(self._script, visit)
        async for said in visit.hear():
            if isinstance(said, bytes):
                await self._audio(visit, hearing, said)
                continue
            message = lawful(said, _NOVA_KINDS)
            match message["type"]:
                case "Finalize":
                    guess, text = hearing.line, hearing.over()
                    first = _results(guess.half if guess else "", final=False)
                    await visit.answer(first, _results(text, final=True, finalized=True))
                case "Configure":
                    await visit.say({"type": "ConfigureSuccess", "request_id": "r"})
                case "CloseStream":
                    await visit.say({"type": "Metadata", "duration": 1.0, "channels": 1})
                    return

    async def _audio(self, visit: Visit, hearing: Hearing, audio: bytes) -> None:
        line = hearing.audio(audio)
        if hearing.ms >= line.partial_ms and not hearing.guessed:
            hearing.guessed = True
            await visit.say(_results(line.half, final=False))
        if line.ends_itself is not None and hearing.ms >= line.ends_itself:
            await visit.say(_results(hearing.over(), final=True, ended=True))
            # what follows is the silence behind it
            hearing.line = Line("", partial_ms=1_000_000)


def _results(
    text: str, *, final: bool, ended: bool = False, finalized: bool = False
) -> dict[str, Any]:
    words = [_word(word) for word in text.split()]
    text = " ".join(word["word"] for word in words)
    best = {"transcript": text, "confidence": 0.98 if text else 0.0, "words": words}
    return {
        "type": "Results",
        "channel_index": [0, 1],
        "duration": 1.0,
        "start": 0.0,
        "is_final": final,
        "speech_final": ended or finalized,
        "from_finalize": finalized,
        "channel": {"alternatives": [best]},
        "metadata": {"request_id": "r", "model_uuid": "m"},
    }


def _word(told: str) -> dict[str, Any]:
    voice, mark, word = told.rpartition("/")
    heard = {"word": word, "start": 0.0, "end": 0.1, "confidence": 0.98}
    return heard | ({"speaker": int(voice)} if mark else {})


class Flux:
    """`/v2/listen`."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._sequence = 0
        self._turn = 0

    async def serve(self, visit: Visit) -> None:
        """TurnInfo as audio comes; ForceEndTurn does nothing where no turn goes on."""
        hearing = hearing_of(self._script, visit)
        await visit.say({"type": "Connected", "request_id": "r", "sequence_id": self._count()})
        async for said in visit.hear():
            if isinstance(said, bytes):
                await self._audio(visit, hearing, said)
                continue
            message = lawful(said, _FLUX_KINDS)
            match message["type"]:
                case "ForceEndTurn" if hearing.guessed:
                    guess, text = hearing.line, hearing.over()
                    first = self._info("Update", guess.half if guess else "")
                    await visit.answer(first, self._info("EndOfTurn", text, trigger="manual"))
                    self._turn += 1
                case "ForceEndTurn":
                    hearing.over()
                    await visit.answer()
                case "Configure":
                    told = {"type": "ConfigureSuccess", "sequence_id": self._count()}
                    await visit.say(told)
                case "CloseStream":
                    return

    async def _audio(self, visit: Visit, hearing: Hearing, audio: bytes) -> None:
        line = hearing.audio(audio)
        if line.text and hearing.ms >= line.partial_ms and not hearing.guessed:
            hearing.guessed = True
            await visit.say(self._info("StartOfTurn", line.half.split()[0]))
            await visit.say(self._info("Update", line.half))
        elif not hearing.guessed:
            await visit.say(self._info("Update", ""))
        if line.ends_itself is not None and hearing.ms >= line.ends_itself:
            text = hearing.over()
            await visit.say(self._info("EagerEndOfTurn", text))
            await visit.say(self._info("EndOfTurn", text, trigger="model"))
            self._turn += 1
            hearing.line = Line("")

    def _info(self, event: str, text: str, **more: str) -> dict[str, Any]:
        return {
            "type": "TurnInfo",
            "request_id": "r",
            "sequence_id": self._count(),
            "event": event,
            "turn_index": self._turn,
            "audio_window_start": 0.0,
            "audio_window_end": 1.0,
            "transcript": text,
            "words": [{"word": word, "confidence": 0.9} for word in text.split()],
            "end_of_turn_confidence": 0.5,
            **more,
        }

    def _count(self) -> int:
        self._sequence += 1
        return self._sequence - 1


_NOVA_KINDS: dict[str, Fields] = {
    "Finalize": {},
    "KeepAlive": {},
    "CloseStream": {},
    "Configure": {"keyterms": list},
}
_FLUX_KINDS: dict[str, Fields] = {
    "ForceEndTurn": {},
    "CloseStream": {},
    "Configure": {"keyterms": list, "language_hints": list, "thresholds": dict},
}


class Aura:
    """`/v1/speak`: one text buffer, spoken with Flush, thrown away with Clear."""

    async def serve(self, visit: Visit) -> None:
        """Speech that spells its text."""
        written: list[str] = []
        sequence = 0
        await visit.say({"type": "Metadata", "request_id": "r", "model_name": "aura"})
        async for said in visit.hear():
            if isinstance(said, bytes):
                raise Unlawful("binary")
            message = lawful(said, {"Speak": {"text": str}, "Flush": {}, "Clear": {}, "Close": {}})
            match message["type"]:
                case "Speak":
                    written.append(message["text"])
                case "Flush":
                    sequence += 1
                    sound = _spoken("".join(written), visit)
                    written.clear()
                    await visit.answer(*sound, {"type": "Flushed", "sequence_id": sequence})
                case "Clear":
                    written.clear()
                    await visit.say({"type": "Cleared", "sequence_id": sequence})
                case "Close":
                    return


def _spoken(text: str, visit: Visit) -> list[bytes]:
    return spoken(text, visit.query["encoding"][0], int(visit.query["sample_rate"][0]))
