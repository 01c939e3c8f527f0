"""Joining: where the first mind hears and speaks by itself, its ears and mouth come first."""

from dataclasses import replace
from functools import cache

from sipagent.errors import ProviderError

from ..failover import Candidate, only
from ..voice import Organs
from .organs import RealtimeBrain


def speaking_for_itself(organs: Organs) -> Organs:
    """The organs as they are used: those of the plan stand in where the model cannot."""
    name = organs.brain[0].name
    try:
        brain = organs.brain[0].make()
    except ProviderError:
        return organs  # its first use will tell
    if not isinstance(brain, RealtimeBrain):
        return replace(organs, brain=(*only(brain, name), *organs.brain[1:]))
    local = cache(organs.ears[0].make)
    ears = (Candidate(organs.ears[0].name, local), *organs.ears[1:])
    return replace(
        organs,
        brain=(*only(brain, name), *organs.brain[1:]),
        ears=(*only(brain.ears(local), name), *ears),
        mouth=(*(only(brain.mouth(), name) if brain.traits.says else ()), *organs.mouth),
    )
