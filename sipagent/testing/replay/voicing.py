"""Voicing: what the caller said as sound with words in it: their own, or a voice in its place."""

import re
from dataclasses import replace

import numpy as np

from sipagent.testing.audio import RATE
from sipagent.testing.bed.render import Rendered, Word, render
from sipagent.testing.bed.scenario import Line
from sipagent.testing.rehearsal.rehearsal import VOICE

from .side import Deed
from .source import Sound

#: before and after what was said, ms: a voice is noticed some time after it began
LEAD_MS, TAIL_MS = 240, 120
#: quieter than this is nobody's voice; and the part of the loudest that counts as heard
_QUIET, _AUDIBLE = 200, 0.05
_DICE = np.random.default_rng(1)
#: what a rule has put in the place of words: `[card number]`
_BRACKETS = re.compile(r"[\[\]]")


def voiced(deed: Deed, sound: Sound | None) -> Rendered:
    """What was said, or the noise that was made, and how long before its start it begins: see
    `lead`.
    """
    return replace(_voiced(deed, sound), confidence=deed.confidence)


def _voiced(deed: Deed, sound: Sound | None) -> Rendered:
    own = None if sound is None else sound.between(deed.start - LEAD_MS, deed.end + TAIL_MS)
    if own and (found := _own(own, deed.text)) is not None:
        return found
    if deed.kind == "sounds":
        return render(Line(sound="cough"), VOICE, _DICE)
    made = render(Line(say=_BRACKETS.sub(" ", deed.text).strip() or "hm"), VOICE, _DICE)
    return Rendered(made.pcm, _spread(deed.text, 0.0, made.end_ms), made.onset_ms, made.end_ms)


def lead(deed: Deed, line: Rendered, sound: Sound | None) -> int:
    """How long before the caller was noticed on record the line begins, ms."""
    if sound is None or line.end_ms - line.onset_ms <= 0:
        return 0
    own = sound.between(deed.start - LEAD_MS, deed.end + TAIL_MS)
    return LEAD_MS if own == line.pcm else 0


def _own(pcm: bytes, text: str) -> Rendered | None:
    """The caller's own voice; None where there is only silence: it was not to be kept."""
    level = np.abs(np.frombuffer(pcm, "<i2").astype(np.int32))
    if level.max(initial=0) < _QUIET:
        return None
    loud = np.flatnonzero(level > level.max() * _AUDIBLE)
    onset, end = (1000 * float(at) / RATE for at in (loud[0], loud[-1]))
    return Rendered(pcm, _spread(text, onset, end), onset, end)


def _spread(text: str, start: float, end: float) -> tuple[Word, ...]:
    """Words of a stretch of sound, each as long as it has letters."""
    words = text.split()
    whole = sum(len(word) + 1 for word in words)
    found, so_far = [], 0
    for word in words:
        so_far += len(word) + 1
        found.append(Word(word, start + (end - start) * so_far / whole))
    return tuple(found)
