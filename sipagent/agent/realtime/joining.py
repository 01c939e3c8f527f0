"""Joining: where the first mind hears and speaks by itself, its ears and mouth come first."""

from dataclasses import replace
from functools import cache

from sipagent.errors import ProviderError

from ..failover import only
from ..organs import Organs
from .organs import RealtimeBrain


def speaking_for_itself(organs: Organs) -> Organs:
    """The organs as they are used: those of the plan stand in where the model cannot."""
    name = organs.brain[0].name
    try:
        brain = organs.brain[0].make()
    except ProviderError:
        return organs  # its first use will tell
    brains = (replace(organs.brain[0], make=lambda: brain), *organs.brain[1:])
    if not isinstance(brain, RealtimeBrain):
        return replace(organs, brain=brains)
    local = cache(organs.ears[0].make)
    ears = (replace(organs.ears[0], make=local), *organs.ears[1:])
    return replace(
        organs,
        brain=brains,
        ears=(*only(brain.ears(local), name), *ears),
        mouth=(*(only(brain.mouth(), name) if brain.traits.says else ()), *organs.mouth),
    )
