"""Nova: Deepgram's live transcription, `/v1/listen`."""

from collections.abc import Sequence
from typing import Literal

import structlog
from pydantic import Field

from sipagent.agent.protocols import Expectation, Transcript
from sipagent.errors import ProviderError

from ..kit import Kit
from .account import Account, EarsOptions, quoted
from .hints import fitting
from .sound import outgoing
from .telling import Told, text, told
from .web_socket import Endpoint, Message, Out

#: seconds to wait for the answer to Finalize where everything was final before it: Deepgram
#: answers "in most cases", and not where nothing was left to be heard
_NOTHING_LEFT = 0.3
_log = structlog.get_logger()


class NovaOptions(EarsOptions):
    """Keys of Nova, by Deepgram's own names."""

    model: str = "nova-3"
    language: str | None = Field(default=None, description="BCP 47, or multi")
    keyterm: tuple[str, ...] = Field(default=(), description="words to lean to (nova-3)")
    keywords: tuple[str, ...] = Field(default=(), description="word:weight, before nova-3")
    endpointing: int | Literal[False] = Field(
        default=300, ge=10, le=5_000, description="ms of silence that end an utterance"
    )
    utterance_end_ms: int | None = Field(default=None, ge=1_000, le=5_000)
    punctuate: bool = True
    smart_format: bool | None = None
    numerals: bool | None = None
    profanity_filter: bool | None = None
    redact: tuple[str, ...] = ()
    diarize: bool | None = Field(
        default=None, description="from the second voice on, texts say which one spoke: speaker2:"
    )
    mip_opt_out: bool | None = Field(default=None, description="not to be used for training")
    tag: tuple[str, ...] = ()


class Nova:
    """An `EarsDialect`. The connection is kept by KeepAlive messages; an utterance ends with
    Finalize.
    """

    chunk_ms = 60

    def __init__(self, account: Account, options: NovaOptions, kit: Kit) -> None:
        self._account = account
        self._options = options
        self._kit = kit
        self._own = self._terms(())
        #: heard so far: the server counts them from 0, as long as the talk
        self._voices: set[int] = set()

    def endpoint(self, language: str) -> Endpoint:
        """See `EarsDialect`."""
        options, rate = self._options, self._kit.rate
        newest = options.model.startswith("nova-3")
        query = {
            **options.model_dump(
                include={
                    "model", "endpointing", "utterance_end_ms", "punctuate", "smart_format",
                    "numerals", "profanity_filter", "redact", "diarize", "mip_opt_out", "tag",
                }
            ),
            "language": self._language(language),
            "keyterm": self._own if newest else (),
            "keywords": () if newest else self._own,
            "encoding": "mulaw" if rate == 8000 else "linear16",
            "sample_rate": rate,
            "channels": 1,
            "interim_results": True,
        }  # fmt: skip
        return Endpoint(
            self._account,
            self._account.url("/v1/listen", query),
            authorization(self._account),
            options.connect_seconds,
            keep_alive=text(type="KeepAlive"),
            farewell=text(type="CloseStream"),
        )

    def hints(self, expected: Expectation) -> tuple[object, Sequence[Out]]:
        """See `EarsDialect`. Only Nova-3 takes others in the middle of a stream."""
        terms = self._terms(expected.phrases)
        if terms == self._own or not self._options.model.startswith("nova-3"):
            return None, [text(type="Configure", keyterms=list(self._own))]
        return terms, [text(type="Configure", keyterms=list(terms))]

    def utterance(self, expected: Expectation) -> "NovaUtterance":
        """See `EarsDialect`."""
        return NovaUtterance(self._account, self._kit.rate, self._voices, patient=expected.patient)

    def _language(self, wanted: str) -> str | None:
        own = self._options.language
        return own if own == "multi" else wanted or own or self._kit.language or None

    def _terms(self, phrases: tuple[str, ...]) -> tuple[str, ...]:
        options = self._options
        own = options.keyterm if options.model.startswith("nova-3") else options.keywords
        hints = self._kit.hints(Expectation(phrases))
        # 500 tokens at most, of about four characters in English and fewer elsewhere
        return fitting((*own, *hints), most=100, characters=1_200)


class NovaUtterance:
    """A `HeardUtterance`: what is final is kept, the interim result stands behind it."""

    def __init__(self, account: Account, rate: int, voices: set[int], *, patient: bool) -> None:
        self._account = account
        self._voices = voices
        self._rate = rate
        self._patient = patient
        self._final: list[_Alternative] = []
        self._interim = ""
        self._told = self._over = False
        self._partial: Transcript | None = None

    def audio(self, pcm: bytes) -> Out:
        """See `HeardUtterance`."""
        return outgoing(pcm, self._rate)

    def end(self) -> Sequence[Out]:
        """See `HeardUtterance`."""
        self._over = True
        return [text(type="Finalize")]

    def wait(self, longest: float) -> float:
        """See `HeardUtterance`."""
        return min(longest, _NOTHING_LEFT) if self.settled else longest

    @property
    def settled(self) -> bool:
        """See `HeardUtterance`. A late answer to Finalize is known as such."""
        return bool(self._final) and not self._interim

    def hear(self, message: Message) -> Transcript | None:
        """See `HeardUtterance`."""
        match message:
            case {"type": "Results"}:
                return self._results(told(_Results, message, self._account))
            case {"type": "UtteranceEnd"}:
                return self._guess(complete=True)
            case {"type": "Error"}:
                raise failed(message, self._account)
            case {"type": "ConfigureFailure", "description": str(description)}:
                _log.warning(
                    "hints_refused", provider=self._account.provider, cause=quoted(description)
                )
                return None
            case bytes():
                raise self._account.malformed("binary")
            case _:
                return None

    def so_far(self) -> Transcript | None:
        """See `HeardUtterance`."""
        return self._whole() if self._told else None

    def _results(self, results: "_Results") -> Transcript | None:
        if results.from_finalize and not self._over:
            return None  # the late answer to an utterance that was not waited for
        self._told = True
        best = results.channel.alternatives[0] if results.channel.alternatives else _Alternative()
        if results.is_final:
            self._interim = ""
            if best.transcript:
                self._final.append(best)
                self._voices |= {w.speaker for w in best.words if w.speaker is not None}
        else:
            self._interim = best.transcript
        if self._over and results.from_finalize:
            return self._whole()
        return self._guess(complete=results.speech_final)

    def _guess(self, *, complete: bool) -> Transcript | None:
        words = self._words()
        guess = Transcript(words, final=False, complete=complete and not self._patient)
        if self._over or not words or guess == self._partial:
            return None
        self._partial = guess
        return guess

    def _words(self) -> str:
        return " ".join(filter(None, [*(one.transcript for one in self._final), self._interim]))

    def _whole(self) -> Transcript:
        sure = min((one.confidence for one in self._final), default=None)
        words = self._words() if len(self._voices) < 2 else _by_voice(self._final)
        return Transcript(words, final=True, confidence=sure)


def _by_voice(said: Sequence["_Alternative"]) -> str:
    """The words with a name before those of each voice; those that nobody spoke go with the
    voice before.
    """
    text, last = "", None
    for word in (word for part in said for word in part.words):
        if word.speaker is not None and word.speaker != last:
            last = word.speaker
            text += f" speaker{last + 1}:"
        text += f" {word.punctuated_word or word.word}"
    return text.strip() or " ".join(part.transcript for part in said)


class _Word(Told):
    word: str = ""
    punctuated_word: str = ""
    speaker: int | None = Field(default=None, ge=0, le=999)


class _Alternative(Told):
    transcript: str = ""
    words: tuple[_Word, ...] = ()
    confidence: float = Field(default=0.0, ge=0, le=1)


class _Channel(Told):
    alternatives: tuple[_Alternative, ...] = ()


class _Results(Told):
    channel: _Channel
    is_final: bool = False
    speech_final: bool = False
    from_finalize: bool = False


def authorization(account: Account) -> dict[str, str]:
    """Deepgram's header; none where a gateway wants no key."""
    return {"Authorization": f"Token {account.key}"} if account.key else {}


class _Error(Told):
    code: str | None = None
    variant: str = "Error"
    description: str = "no description"


def failed(message: Message, account: Account) -> ProviderError:
    """What Deepgram's own `Error` message says."""
    error = told(_Error, message, account)
    cause = f"{account.base} failed with {error.code or error.variant}"
    return account.error(f"{cause}: {quoted(error.description)}", retryable=True)
