"""Decisions as events put them on record."""

from typing import Any

from ..turns.decisions import EndOfTurn
from .bargein import GiveWay
from .evidence import NO_EVIDENCE


def barge_in_fields(way: GiveWay) -> dict[str, Any]:
    """Of a BargeIn, but how much was played."""
    evidence = way.evidence
    heard = evidence.voiced_ms > 0
    return {
        "decision": way.decision,
        "evidence": way.why,
        "words": way.words,
        "onset": None if evidence is NO_EVIDENCE else evidence.onset,
        "spoken_ms": evidence.spoken_ms,
        "voiced_ms": evidence.voiced_ms,
        "probability": evidence.probability if heard else None,
        "level_db": evidence.level_db if heard else None,
        "echo": evidence.echo if evidence.echo else None,
        "lag_ms": evidence.lag_ms if evidence.echo else None,
    }


def turn_ended_fields(end: EndOfTurn) -> dict[str, Any]:
    """Of a TurnEnded, but the number of the turn."""
    return {
        "reason": end.reason,
        "rule": end.rule,
        "evidence": end.evidence,
        "silence_ms": end.t - end.speech_end,
        "voiced_ms": end.voiced_ms,
        "words": end.words,
    }
