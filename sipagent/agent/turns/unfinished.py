"""Words that cannot end a turn: "and", "um", a preposition, a number that is being dictated."""

from .dictated import declines, figures, letters
from .rules import TurnRules, TurnSoFar, Verdict

#: figures or letters in a row that show dictation, asked for or not
_DICTATION = 3


_DICTATED = frozenset({"number", "address", "email", "spelling"})


def unfinished(turn: TurnSoFar, rules: TurnRules) -> Verdict | None:
    """Waits `patient_ms` for the rest of a dictation, and half as long for that of a sentence."""
    words = turn.words
    if not words:
        return None
    if what := _dictated(turn, words):
        return Verdict(rules.patient_ms, "patient", "unfinished", f"ends in {what}")
    if turn.complete or " ".join(words) in turn.awaiting.phrases:
        return None
    what = _open(turn, words)
    some = max(rules.end_of_turn_ms, rules.patient_ms // 2)
    return Verdict(some, "patient", "unfinished", f"ends in {what}") if what else None


def _dictated(turn: TurnSoFar, words: list[str]) -> str:
    """What is being dictated, if anything: one figure is enough where figures were asked for."""
    awaiting = turn.awaiting
    if declines(words, turn.lexicon):
        return ""
    wanted = awaiting.awaits in _DICTATED or not _DICTATED.isdisjoint(awaiting.offered)
    enough = 1 if wanted else _DICTATION
    if (count := figures(words, turn.lexicon)) >= enough:
        return f"{count} figures of a dictation"
    if (count := letters(words)) >= max(2, enough):
        return f"{count} letters of a dictation"
    return ""


def _open(turn: TurnSoFar, words: list[str]) -> str:
    last, lexicon = words[-1], turn.lexicon
    if last in lexicon.hesitations:
        return "a hesitation"
    if last in lexicon.openers:
        return "a word that needs another"
    return "a figure" if figures(words, lexicon) and not declines(words, lexicon) else ""
