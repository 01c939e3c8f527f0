"""Calibration of the embedded ears: how often they are right, wrong, and how sure.

Run `python -m sipagent.testing.ears`. Random small grammars are drawn from recorded prompts (where
Debian's asterisk-core-sounds-en-wav is installed) and from spoken requests; each is tried on what
it declares and on what it does not, all through G.711.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.table import Table

from sipagent.media.frames import Frame
from sipagent.providers.certainty import HIGH, MIDDLE
from sipagent.providers.decoders import DecoderPair, Match
from sipagent.providers.espeak import EspeakMouth
from sipagent.providers.levelling import Levelled
from sipagent.providers.phrases import words

from .prompts import PROMPT_FOLDER, PROMPT_RATE, PROMPTS, REQUESTS, framed, prompt, telephone

VOICES = ("en-us", "en-gb", "en-us+f3", "en-us+m3")
_SILENCE = bytes(PROMPT_RATE // 5 * 2)


@dataclass(frozen=True, slots=True)
class Trial:
    """One utterance against one grammar."""

    declared: bool
    said: tuple[str, ...]
    match: Match | None
    speech_seconds: float
    cpu_seconds: float
    final_seconds: float

    @property
    def confidence(self) -> float:
        """0 where nothing fitted."""
        return self.match.evidence.confidence if self.match else 0.0

    @property
    def right(self) -> bool:
        """The declared phrase that was said is the one that was heard."""
        return self.match is not None and self.match.words == self.said


def trimmed(pcm: bytes, pause_ms: int = 300) -> bytes:
    """8 kHz PCM with `pause_ms` before and after what sounds in it, as turn-taking would cut."""
    samples = np.frombuffer(pcm, dtype="<i2")
    frames = [samples[at : at + 160].astype(float) for at in range(0, len(samples), 160)]
    loud = [index for index, frame in enumerate(frames) if np.sqrt(np.mean(frame**2)) > 200]
    if not loud:
        return pcm
    pause = pause_ms // 20
    first, last = max(0, loud[0] - pause), loud[-1] + 1 + pause
    return pcm[first * 320 : last * 320]


async def spoken(text: str, voice: str) -> bytes:
    """A sentence by the embedded mouth through G.711, 8 kHz."""
    pieces = [piece async for piece in EspeakMouth(PROMPT_RATE, voice).synthesize(text)]
    return telephone(_SILENCE + b"".join(pieces) + _SILENCE)


async def as_audio(pcm: bytes, rate: int = PROMPT_RATE) -> AsyncIterator[Frame]:
    """PCM the way a Transcriber takes it."""
    for index, frame in enumerate(framed(pcm, rate)):
        yield Frame(frame, index * 20)


def trials(
    pair: DecoderPair, sounds: Mapping[str, bytes], *, size: int, rounds: int, seed: int
) -> list[Trial]:
    """Draw `rounds` grammars of `size` phrases; try all they declare and twice as much else."""
    chance = random.Random(seed)  # noqa: S311 - a repeatable draw, not a secret
    done: list[Trial] = []
    for _ in range(rounds):
        order = sorted(sounds)
        chance.shuffle(order)
        grammar = tuple(sorted(words(text) for text in order[:size]))
        done += [
            _trial(pair, grammar, words(text), index < size, sounds[text])
            for index, text in enumerate(order[: 3 * size])
        ]
    return done


def _trial(
    pair: DecoderPair,
    grammar: tuple[tuple[str, ...], ...],
    said: tuple[str, ...],
    declared: bool,
    pcm: bytes,
) -> Trial:
    levelled = Levelled(PROMPT_RATE)
    begun = time.process_time()
    pair.start(grammar)
    for frame in framed(pcm):
        for piece in levelled.feed(frame):
            pair.feed(piece)
    ending = time.perf_counter()
    for piece in levelled.finish():
        pair.feed(piece)
    pair.finish()
    match = pair.match()
    final = time.perf_counter() - ending
    cpu = time.process_time() - begun
    return Trial(declared, said, match, len(pcm) / 2 / PROMPT_RATE, cpu, final)


def share(chosen: Sequence[bool]) -> float:
    """Part of the trials for which something holds, 0..1."""
    return sum(chosen) / max(1, len(chosen))


async def sounds_of_mouth(voice: str) -> dict[str, bytes]:
    """All requests, spoken."""
    return {text: await spoken(text, voice) for text in REQUESTS}


def sounds_of_prompts() -> dict[str, bytes]:
    """All recorded prompts, by their words."""
    return {text: trimmed(prompt(name)) for name, text in PROMPTS.items()}


def report(named: Mapping[str, Sequence[Trial]]) -> Table:
    """The table the numbers in `certainty` were chosen on."""
    table = Table("audio", "said", "trials", "right", "wrong high", "high", "middle", "low", "none")
    for name, all_trials in named.items():
        for declared in (True, False):
            some = [trial for trial in all_trials if trial.declared is declared]
            sure = [trial.confidence for trial in some]
            columns = (
                share([t.right for t in some]),
                share([t.confidence >= HIGH and not t.right for t in some]),
                share([c >= HIGH for c in sure]),
                share([MIDDLE <= c < HIGH for c in sure]),
                share([0 < c < MIDDLE for c in sure]),
                share([t.match is None for t in some]),
            )
            said = "declared" if declared else "undeclared"
            table.add_row(name, said, str(len(some)), *(f"{value:.1%}" for value in columns))
    return table


def scores(named: Mapping[str, Sequence[Trial]]) -> Table:
    """Percentiles of the score, to choose MIDDLE and HIGH by."""
    table = Table("audio", "score of", *(f"p{percent}" for percent in (2, 5, 10, 20, 50)))
    for name, all_trials in named.items():
        right = [t.match.evidence.score for t in all_trials if t.match and t.right]
        table.add_row(
            name, "right", *(f"{v:.2f}" for v in np.percentile(right, (2, 5, 10, 20, 50)))
        )
        other = [t.match.evidence.score if t.match else -9 for t in all_trials if not t.declared]
        upper = np.percentile(other, (98, 95, 90, 80, 50))
        table.add_row(name, "undeclared, from the top", *(f"{v:.2f}" for v in upper))
    return table


async def _main() -> None:
    pair = DecoderPair()
    named: dict[str, Sequence[Trial]] = {}
    if PROMPT_FOLDER.is_dir():
        named["prompts"] = trials(pair, sounds_of_prompts(), size=20, rounds=10, seed=11)
    for voice in VOICES:
        named[voice] = trials(pair, await sounds_of_mouth(voice), size=11, rounds=5, seed=12)
    console = Console()
    console.print(report(named), scores(named))
    everything = [trial for some in named.values() for trial in some]
    cpu = sum(t.cpu_seconds for t in everything) / sum(t.speech_seconds for t in everything)
    finals = np.percentile([t.final_seconds for t in everything], (50, 95)) * 1000
    console.print(f"real-time factor {cpu:.3f}, final p50/p95 {finals[0]:.1f}/{finals[1]:.1f} ms")


if __name__ == "__main__":
    asyncio.run(_main())
