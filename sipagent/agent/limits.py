"""Limits: how long the agent waits for anything, in seconds."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Every wait of the agent has one of these. A turn that fails twice in a row ends the talk."""

    #: from asking the mind to its first word or tool call, and between two of them
    first_token: float = 8.0
    next_token: float = 8.0
    #: from the end of the turn to its final text
    final_text: float = 5.0
    #: for each chunk of speech
    speech_chunk: float = 5.0
    #: how long a transfer or hang-up waits for what is being said
    speech_cap: float = 15.0
    failures: int = 2
