"""AssemblyAI's ears: universal streaming, `/v3/ws`.

https://www.assemblyai.com/docs/api-reference/streaming-api
"""

import json
from collections.abc import Sequence

from pydantic import Field

from sipagent.agent.protocols import Expectation, Transcriber, Transcript
from sipagent.errors import ProviderError

from ..kit import Kit, Options, checked
from ..trust import tls
from .account import Account, EarsOptions, quoted
from .hints import fitting
from .sound import outgoing, silence
from .streamed_ears import StreamedEars
from .telling import Told, text, told
from .web_socket import Endpoint, Message, Out

BASE, VARIABLE = "wss://streaming.assemblyai.com", "ASSEMBLYAI_API_KEY"
_VERSION = "2025-05-12"
#: what one message of audio may hold, in ms
_SHORTEST = 50
#: seconds after the end in which the words of a turn would have begun to come
_NO_TURN = 1.0
#: close codes and numbers of `Error` messages, as the HTTP status they stand for
_STATUS = {
    1008: 401, 3005: 500, 3006: 400, 3007: 400, 3009: 429,
    4001: 401, 4002: 402, 4003: 402, 4029: 429, 4101: 400, 4102: 429,
}  # fmt: skip


class AssemblyAIOptions(EarsOptions):
    """Keys of the ears, by AssemblyAI's own names."""

    speech_model: str = "universal-streaming-english"
    language_codes: tuple[str, ...] = Field(default=(), description="of multilingual models")
    keyterms_prompt: tuple[str, ...] = Field(default=(), description="words to lean to")
    format_turns: bool = Field(default=False, description="wait for commas and capitals")
    end_of_turn_confidence_threshold: float | None = Field(default=None, ge=0, le=1)
    min_turn_silence: int | None = Field(default=None, ge=0, le=10_000, description="ms")
    max_turn_silence: int | None = Field(default=None, ge=100, le=10_000, description="ms")
    vad_threshold: float | None = Field(default=None, ge=0, le=1)
    filter_profanity: bool | None = None


class AssemblyAI:
    """An `EarsDialect`. A session that has no limit of idleness needs nothing to keep it."""

    chunk_ms = 60

    def __init__(self, account: Account, options: AssemblyAIOptions, kit: Kit) -> None:
        self._account = account
        self._options = options
        self._kit = kit
        self._own = self._terms(())

    def endpoint(self, language: str) -> Endpoint:
        """See `EarsDialect`. Another language is told in the session."""
        options, rate = self._options, self._kit.rate
        languages = self._languages("")
        query = {
            **options.model_dump(
                include={
                    "speech_model", "format_turns", "end_of_turn_confidence_threshold",
                    "min_turn_silence", "max_turn_silence", "vad_threshold", "filter_profanity",
                }
            ),
            "language_codes": json.dumps(languages) if languages else None,
            "keyterms_prompt": json.dumps(self._own) if self._own else None,
            "encoding": "pcm_mulaw" if rate == 8000 else "pcm_s16le",
            "sample_rate": rate,
        }  # fmt: skip
        key = {"Authorization": self._account.key} if self._account.key else {}
        return Endpoint(
            self._account,
            self._account.url("/v3/ws", query),
            {"AssemblyAI-Version": _VERSION, **key},
            options.connect_seconds,
            farewell=text(type="Terminate"),
            closed=lambda code, reason: _judged(self._account, code, reason),
        )

    def hints(self, expected: Expectation) -> tuple[object, Sequence[Out]]:
        """See `EarsDialect`."""
        terms, languages = self._terms(expected.phrases), self._languages(expected.language)
        update = text(
            type="UpdateConfiguration",
            keyterms_prompt=list(terms),
            language_codes=list(languages) or None,
        )
        own = terms == self._own and languages == self._languages("")
        return None if own else (terms, languages), [update]

    def utterance(self, expected: Expectation) -> "AssemblyAIUtterance":
        """See `EarsDialect`."""
        return AssemblyAIUtterance(
            self._account,
            self._kit.rate,
            formatted=self._options.format_turns,
            patient=expected.patient,
        )

    def _terms(self, phrases: tuple[str, ...]) -> tuple[str, ...]:
        hints = self._kit.hints(Expectation(phrases))
        return fitting((*self._options.keyterms_prompt, *hints), most=100, longest=50)

    def _languages(self, wanted: str) -> tuple[str, ...]:
        if self._options.speech_model.endswith("english"):
            return ()
        spoken = wanted or self._kit.language
        return (spoken.split("-")[0].lower(),) if spoken else self._options.language_codes


class AssemblyAIUtterance:
    """A `HeardUtterance`: the turns that ended in it, and the one that goes on."""

    def __init__(self, account: Account, rate: int, *, formatted: bool, patient: bool) -> None:
        self._account = account
        self._rate = rate
        self._formatted = formatted
        self._patient = patient
        self._turns: dict[int, _Turn] = {}
        self._over = False
        self._partial: Transcript | None = None

    def audio(self, pcm: bytes) -> Out:
        """See `HeardUtterance`. Too little is refused by closing; silence makes it enough."""
        sound = outgoing(pcm, self._rate)
        return sound + silence(_SHORTEST, self._rate)[len(sound) :]

    def end(self) -> Sequence[Out]:
        """See `HeardUtterance`."""
        self._over = True
        return [] if self._ended else [text(type="ForceEndpoint")]

    def wait(self, longest: float) -> float:
        """See `HeardUtterance`."""
        if self._ended:
            return 0.0
        return longest if self._turns else min(longest, _NO_TURN)

    @property
    def settled(self) -> bool:
        """See `HeardUtterance`. Of what is no speech the server says nothing, so its silence
        proves nothing.
        """
        return self._ended

    def hear(self, message: Message) -> Transcript | None:
        """See `HeardUtterance`."""
        match message:
            case {"type": "Turn"}:
                return self._turn(told(_Turn, message, self._account))
            case {"type": "Error"}:
                error = told(_Error, message, self._account)
                raise _judged(self._account, error.error_code, error.error)
            case bytes():
                raise self._account.malformed("binary")
            case _:
                return None

    def so_far(self) -> Transcript | None:
        """See `HeardUtterance`."""
        return self._whole()

    @property
    def _ended(self) -> bool:
        """True where the server has ended every turn, in the form that is wanted."""
        last = max(self._turns, default=None)
        return last is not None and self._turns[last].over(formatted=self._formatted)

    def _turn(self, turn: "_Turn") -> Transcript | None:
        self._turns[turn.turn_order] = turn
        if self._over:
            return self._whole() if self._ended else None
        words = self._words()
        complete = turn.end_of_turn and not self._patient
        guess = Transcript(words, final=False, complete=complete)
        if not words or guess == self._partial:
            return None
        self._partial = guess
        return guess

    def _words(self) -> str:
        return " ".join(filter(None, (turn.heard for turn in self._turns.values())))

    def _whole(self) -> Transcript:
        sure = [word.confidence for turn in self._turns.values() for word in turn.words]
        confidence = sum(sure) / len(sure) if sure else None
        return Transcript(self._words(), final=True, confidence=confidence)


class _Word(Told):
    text: str = ""
    confidence: float = Field(default=0.0, ge=0, le=1)


class _Turn(Told):
    turn_order: int
    transcript: str = ""
    end_of_turn: bool = False
    turn_is_formatted: bool = False
    words: tuple[_Word, ...] = ()

    def over(self, *, formatted: bool) -> bool:
        """True where it has ended, and in its form."""
        return self.end_of_turn and (self.turn_is_formatted or not formatted)

    @property
    def heard(self) -> str:
        """Its words: those that may still change are in `words` only."""
        if self.end_of_turn:
            return self.transcript
        return " ".join(word.text for word in self.words) or self.transcript


class _Error(Told):
    error_code: int = 3005
    error: str = ""


def _judged(account: Account, code: int, said: str) -> ProviderError:
    """What a close code or the number of an `Error` means."""
    if code in _STATUS:
        return account.refusal(_STATUS[code], f"{code} {said}")
    if code == 3008:
        return account.error(f"{account.base} ended a session that was too long", retryable=True)
    if 3000 <= code < 5000:
        return account.error(f"{account.base} failed with {code} {quoted(said)}", retryable=True)
    return account.closed(code, said)


def ears(kit: Kit, name: str, raw: Options) -> Transcriber:
    """Ears of kind `assemblyai`. Raises ProviderError."""
    options = checked(AssemblyAIOptions, name, raw)
    account = Account.of(name, options, BASE, VARIABLE)
    return StreamedEars(AssemblyAI(account, options, kit), options.final_seconds)


def preload() -> None:
    """Read the trusted roots before the fork."""
    tls()
