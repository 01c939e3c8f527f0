"""Events of ears, minds and mouths: what failed, and what was used of them."""

from typing import Literal

from .base import Base

Role = Literal["ears", "mind", "mouth"]
#: how a model's reply ended
Finish = Literal["", "stop", "tool_calls", "length", "cancelled", "error"]


class ProviderFailed(Base):
    """Ears, mind or mouth failed; what is done about it. `next` is who takes over."""

    type: Literal["provider_failed"] = "provider_failed"
    provider: str
    role: Role
    cause: str
    then: Literal["retry", "next", "apology", "fallback"]
    next: str = ""


class ModelUsed(Base):
    """One reply of a model, in tokens as the provider counts them; `cached` and `audio_input` are
    part of `input`, `audio_output` of `output`. `estimated` where the reply ended before its count
    came. `ms` is from asking to the end of the reply on the media clock, `first_ms` to its first
    word or tool, None where none came; `finish` is how it ended, where we read it: by itself, with
    tools that are asked for, cut by us, given up, or failed. `cost` is in the currency of the
    configured prices, None without any.
    """

    type: Literal["model_used"] = "model_used"
    provider: str
    model: str
    input: int
    output: int
    cached: int = 0
    audio_input: int = 0
    audio_output: int = 0
    estimated: bool = False
    ms: int = 0
    first_ms: int | None = None
    finish: Finish = ""
    cost: float | None = None


class SpeechUsed(Base):
    """What ears heard (seconds of audio) or a mouth spoke (characters) in one talk."""

    type: Literal["speech_used"] = "speech_used"
    provider: str
    role: Literal["ears", "mouth"]
    seconds: float = 0.0
    characters: int = 0
    cost: float | None = None


class LimitReached(Base):
    """A bound of the agent on one call was reached: it takes its leave."""

    type: Literal["limit_reached"] = "limit_reached"
    limit: Literal["turns", "tokens", "cost", "seconds"]
    bound: float
    value: float
