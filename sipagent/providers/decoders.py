"""A pair of pocketsphinx decoders: one bound to the declared phrases, one to any phones at all."""

import math
from collections import OrderedDict
from dataclasses import dataclass

import pocketsphinx

from sipagent.errors import ProviderError

from .certainty import Evidence, likeness
from .dictionary import MODEL, pronunciations
from .phrases import grammar

RATE = 16_000
#: compiled grammars kept in one pair; each takes about 100 kB
KEPT = 32
#: cepstral mean of telephone speech after our levelling and noise, measured on the calibration
#: audio; the model's own is of wide-band microphones
TELEPHONE_CMN = "40.87,2.86,-0.97,1.89,-0.66,-0.77,-1.25,-1.00,-0.86,0.42,-1.30,0.08,-0.38"
_LOOP = "loop"
_SILENCES = frozenset({"<s>", "</s>", "<sil>", "(NULL)", "SIL"})

Phrases = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Match:
    """The declared phrase that fits best, as normalised words, and how well it fits."""

    words: tuple[str, ...]
    evidence: Evidence


class DecoderPair:
    """Loaded before the fork (3 MB a decoder, shared); a child that uses it adds about 3 MB. Words
    are taught to it when phrases need them.

    Decoding keeps the interpreter lock, so audio is fed 20 ms at a time (about 1 ms of work).
    """

    def __init__(self) -> None:
        self._bound = _decoder()
        self._free = _decoder(pip=0.1)
        self._free.add_allphone_file(_LOOP)
        self._free.activate_search(_LOOP)
        self._grammars: OrderedDict[Phrases, str] = OrderedDict()
        self._taught: set[str] = set()
        self._made = 0

    @property
    def compiled(self) -> tuple[Phrases, ...]:
        """The grammars kept ready, the newest used last."""
        return tuple(self._grammars)

    def start(self, phrases: Phrases) -> None:
        """Begin an utterance that should be one of `phrases` (all words known)."""
        self._bound.activate_search(self._compiled(phrases))
        for decoder in (self._bound, self._free):
            # Forgets the noise it learnt (0.1 ms): the last utterance may be of another line,
            # and the same sound must be judged the same every time.
            decoder.reinit_feat()
            decoder.set_cmn(TELEPHONE_CMN)
            decoder.start_utt()

    def feed(self, pcm: bytes) -> None:
        """The next piece of the utterance, 16 kHz."""
        for decoder in (self._bound, self._free):
            decoder.process_raw(pcm, False, False)

    def finish(self) -> None:
        """End the utterance; `match` then is final."""
        for decoder in (self._bound, self._free):
            decoder.end_utt()

    def leading(self) -> tuple[str, ...]:
        """Words of the phrase that leads so far; possibly only its beginning."""
        found = self._bound.hyp()
        return tuple(found.hypstr.split()) if found else ()

    def match(self) -> Match | None:
        """The phrase heard and the evidence for it; None where no phrase fits at all."""
        found, loose = self._bound.hyp(), self._free.hyp()
        if not found or not loose or not found.hypstr:
            return None
        frames = max(1, self._bound.n_frames())
        gate = (_log(found.best_score) - _log(loose.best_score)) / frames
        evidence = Evidence(gate, likeness(self._heard_phones(), self._meant_phones()))
        return Match(tuple(found.hypstr.split()), evidence)

    def _heard_phones(self) -> list[str]:
        return [s.word for s in self._free.seg() if s.word not in _SILENCES and s.word[0] != "+"]

    def _meant_phones(self) -> list[str]:
        phones: list[str] = []
        for segment in self._bound.seg():
            if segment.word not in _SILENCES and segment.word[0] not in "[+":
                phones += (self._bound.lookup_word(segment.word) or "").split()
        return phones

    def _compiled(self, phrases: Phrases) -> str:
        if phrases in self._grammars:
            self._grammars.move_to_end(phrases)
            return self._grammars[phrases]
        self._teach(phrases)
        self._made += 1
        name = f"grammar{self._made}"
        self._bound.add_jsgf_string(name, grammar(phrases))
        self._grammars[phrases] = name
        if len(self._grammars) > KEPT:
            _, oldest = self._grammars.popitem(last=False)
            self._bound.remove_search(oldest)
        return name

    def _teach(self, phrases: Phrases) -> None:
        for word in dict.fromkeys(word for phrase in phrases for word in phrase):
            if word in self._taught:
                continue
            self._taught.add(word)
            for number, phones in enumerate(pronunciations(word), start=1):
                name = word if number == 1 else f"{word}({number})"
                self._bound.add_word(name, phones, False)


def _decoder(**options: object) -> "pocketsphinx.Decoder":
    try:
        return pocketsphinx.Decoder(
            hmm=str(MODEL / "en-us"),
            dict=None,
            lm=None,
            samprate=float(RATE),
            loglevel="FATAL",
            **options,
        )
    except RuntimeError as error:
        raise ProviderError("grammar", f"cannot load its model: {error}") from error


def _log(score: float) -> float:
    return math.log(score) if score > 0 else -1e3
