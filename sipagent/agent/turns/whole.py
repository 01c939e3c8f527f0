"""The words are whole: the ears say so, or they read as a declared phrase or a sentence."""

from .rules import TurnRules, TurnSoFar, Verdict

_FINAL = (".", "!", "?", "\u3002", "\uff1f", "\uff01")
#: a single word with a full stop is as likely the ears' habit as the end of a sentence
_SENTENCE = 3


def whole(turn: TurnSoFar, rules: TurnRules) -> Verdict | None:
    """Waits `complete_ms` only."""
    if turn.complete:
        return _soon(rules, "told", "the ears take the words for whole")
    if not turn.text or not turn.fresh:
        return None
    words = turn.words
    if " ".join(words) in turn.awaiting.phrases:
        return _soon(rules, "phrase", "the words are a declared phrase")
    if turn.awaiting.awaits == "yes_no" and turn.lexicon.is_answer(turn.text):
        return _soon(rules, "answer", "a yes or no was awaited and given")
    if turn.text.rstrip().endswith(_FINAL) and len(words) >= _SENTENCE:
        return _soon(rules, "sentence", "the words read as a whole sentence")
    return None


def _soon(rules: TurnRules, rule: str, evidence: str) -> Verdict:
    return Verdict(min(rules.complete_ms, rules.end_of_turn_ms), "complete", rule, evidence)
