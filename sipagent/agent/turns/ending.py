"""When a turn is over: the rules in the order in which they are asked. Pure."""

from collections.abc import Sequence
from dataclasses import replace

from .awaited import awaited
from .pausing import silence
from .rules import EndRule, TurnRules, TurnSoFar, Verdict
from .unfinished import unfinished
from .whole import whole

#: what is certain to go on, what was asked for, what is whole; then plain silence
END_RULES: tuple[EndRule, ...] = (unfinished, awaited, whole)


def verdict(turn: TurnSoFar, rules: TurnRules, ends: Sequence[EndRule] = END_RULES) -> Verdict:
    """How much silence ends this turn, and why."""
    found = next((v for rule in ends if (v := rule(turn, rules))), None) or silence(turn, rules)
    longest = max(rules.end_of_speech_timeout, rules.offset_ms)
    if found.ms <= longest:
        return found
    evidence = f"{found.evidence}; end_of_speech_timeout of {longest} ms is sooner"
    return replace(found, ms=longest, evidence=evidence)
