"""A number, an address, an e-mail address or a spelled name was asked for: people pause in them."""

from .dictated import dictates
from .rules import TurnRules, TurnSoFar, Verdict

_PAUSED_IN = {
    "number": "a number",
    "address": "an address",
    "email": "an e-mail address",
    "spelling": "a spelled name",
}


def awaited(turn: TurnSoFar, rules: TurnRules) -> Verdict | None:
    """Waits `patient_ms`, but not after words that hold nothing of it ("I don't have one")."""
    what = _PAUSED_IN.get(turn.awaiting.awaits)
    if what is None or turn.complete or _is_other(turn):
        return None
    return Verdict(rules.patient_ms, "patient", "awaited", f"{what} is awaited")


def _is_other(turn: TurnSoFar) -> bool:
    """True for a plain yes or no, and, in place of a number, for a few words without a figure."""
    words, lexicon = turn.words, turn.lexicon
    if not words or not turn.fresh:
        return False
    if lexicon.is_answer(turn.text) or lexicon.asks_to_wait(turn.text):
        return True
    number = turn.awaiting.awaits == "number"
    return number and len(words) >= _SOME and not dictates(words, lexicon)


#: words from which on it is no mere beginning ("my number")
_SOME = 3
