"""Plain silence: what is left when nothing is known of the words."""

from .rules import TurnRules, TurnSoFar, Verdict


def silence(turn: TurnSoFar, rules: TurnRules) -> Verdict:
    """Waits `end_of_turn_ms`."""
    evidence = "nothing told otherwise" if turn.text else "no words told otherwise"
    return Verdict(rules.end_of_turn_ms, "silence", "silence", evidence)
