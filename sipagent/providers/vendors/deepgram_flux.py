"""Flux: Deepgram's conversational recognition, `/v2/listen`, which finds ends of turns itself."""

from collections.abc import Sequence

from pydantic import Field, model_validator

from sipagent.agent.protocols import Expectation, Transcript

from ..kit import Kit
from .account import Account, EarsOptions
from .deepgram_nova import authorization, failed
from .hints import fitting
from .sound import outgoing, silence
from .telling import Told, text, told
from .web_socket import Endpoint, Message, Out

#: seconds in which Flux would have said that a turn has begun: it tells every quarter of one
_NO_TURN = 0.5


class FluxOptions(EarsOptions):
    """Keys of Flux, by Deepgram's own names."""

    model: str = "flux-general-en"
    language_hint: tuple[str, ...] = Field(default=(), description="for flux-general-multi")
    keyterm: tuple[str, ...] = Field(default=(), description="words to lean to")
    eot_threshold: float | None = Field(default=None, ge=0.5, le=1.0)
    eager_eot_threshold: float | None = Field(default=None, ge=0.3, le=0.9)
    eot_timeout_ms: int | None = Field(default=None, ge=500, le=60_000)
    numerals: bool | None = None
    profanity_filter: bool | None = None
    redact: tuple[str, ...] = ()
    mip_opt_out: bool | None = Field(default=None, description="not to be used for training")
    tag: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _of_one_language(self) -> "FluxOptions":
        if self.language_hint and "multi" not in self.model:
            raise ValueError(f"language_hint is for flux-general-multi, not for {self.model}")
        return self


class Flux:
    """An `EarsDialect`. Flux has no KeepAlive: a little silence keeps the connection."""

    chunk_ms = 80

    def __init__(self, account: Account, options: FluxOptions, kit: Kit) -> None:
        self._account = account
        self._options = options
        self._kit = kit
        self._own = self._terms(())

    def endpoint(self, language: str) -> Endpoint:
        """See `EarsDialect`. Another language is a hint in the stream, not another stream."""
        options, rate = self._options, self._kit.rate
        query = {
            **options.model_dump(
                include={
                    "model", "eot_threshold", "eager_eot_threshold", "eot_timeout_ms", "numerals",
                    "profanity_filter", "redact", "mip_opt_out", "tag",
                }
            ),
            "language_hint": self._languages(""),
            "keyterm": self._own,
            "encoding": "mulaw" if rate == 8000 else "linear16",
            "sample_rate": rate,
        }  # fmt: skip
        return Endpoint(
            self._account,
            self._account.url("/v2/listen", query),
            authorization(self._account),
            options.connect_seconds,
            keep_alive=silence(self.chunk_ms, rate),
            farewell=text(type="CloseStream"),
        )

    def hints(self, expected: Expectation) -> tuple[object, Sequence[Out]]:
        """See `EarsDialect`."""
        terms, languages = self._terms(expected.phrases), self._languages(expected.language)
        configure = text(
            type="Configure", keyterms=list(terms), language_hints=list(languages) or None
        )
        own = terms == self._own and languages == self._languages("")
        return None if own else (terms, languages), [configure]

    def utterance(self, expected: Expectation) -> "FluxUtterance":
        """See `EarsDialect`."""
        return FluxUtterance(self._account, self._kit.rate, patient=expected.patient)

    def _terms(self, phrases: tuple[str, ...]) -> tuple[str, ...]:
        hints = self._kit.hints(Expectation(phrases))
        return fitting((*self._options.keyterm, *hints), most=100, characters=1_200)

    def _languages(self, wanted: str) -> tuple[str, ...]:
        if "multi" not in self._options.model:
            return ()
        spoken = wanted or self._kit.language
        return (spoken.split("-")[0],) if spoken else self._options.language_hint


class FluxUtterance:
    """A `HeardUtterance`: the turns that Flux found in it, and the one that goes on."""

    def __init__(self, account: Account, rate: int, *, patient: bool) -> None:
        self._account = account
        self._rate = rate
        self._patient = patient
        self._turns: list[str] = []
        self._going_on = ""
        self._open = self._told = self._over = False
        self._sure: list[float] = []
        self._partial: Transcript | None = None

    def audio(self, pcm: bytes) -> Out:
        """See `HeardUtterance`."""
        return outgoing(pcm, self._rate)

    def end(self) -> Sequence[Out]:
        """See `HeardUtterance`. Without a turn that goes on, ForceEndTurn would be ignored."""
        self._over = True
        return [] if self._ended else [text(type="ForceEndTurn")]

    def wait(self, longest: float) -> float:
        """See `HeardUtterance`."""
        if self._ended:
            return 0.0
        return min(longest, _NO_TURN) if self.settled else longest

    @property
    def settled(self) -> bool:
        """See `HeardUtterance`. Flux speaks all the time, so it would have told of a turn."""
        return self._told and not self._open

    def hear(self, message: Message) -> Transcript | None:
        """See `HeardUtterance`."""
        match message:
            case {"type": "TurnInfo"}:
                return self._turn(told(_TurnInfo, message, self._account))
            case {"type": "Error"}:
                raise failed(message, self._account)
            case bytes():
                raise self._account.malformed("binary")
            case _:
                return None

    def so_far(self) -> Transcript | None:
        """See `HeardUtterance`."""
        return self._whole() if self._told else None

    @property
    def _ended(self) -> bool:
        """True where Flux itself said that the turn is over."""
        return bool(self._turns) and not self._open

    def _turn(self, turn: "_TurnInfo") -> Transcript | None:
        self._told = True
        self._open = turn.event != "EndOfTurn" and (self._open or bool(turn.transcript))
        self._going_on = turn.transcript if self._open else ""
        if turn.event == "EndOfTurn":
            if turn.transcript:
                self._turns.append(turn.transcript)
                self._sure.extend(word.confidence for word in turn.words)
            if self._over:
                return self._whole()
        return self._guess(complete=turn.event in ("EndOfTurn", "EagerEndOfTurn"))

    def _guess(self, *, complete: bool) -> Transcript | None:
        guess = Transcript(self._words(), final=False, complete=complete and not self._patient)
        if self._over or not guess.text or guess == self._partial:
            return None
        self._partial = guess
        return guess

    def _words(self) -> str:
        return " ".join(filter(None, [*self._turns, self._going_on]))

    def _whole(self) -> Transcript:
        sure = sum(self._sure) / len(self._sure) if self._sure else None
        return Transcript(self._words(), final=True, confidence=sure)


class _Word(Told):
    confidence: float = Field(default=0.0, ge=0, le=1)


class _TurnInfo(Told):
    event: str
    transcript: str = ""
    words: tuple[_Word, ...] = ()
