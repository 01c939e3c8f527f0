"""HardStop: the longest an agent talks, and how it takes its leave then."""

from pydantic import Field

from .parts import Part


class HardStop(Part):
    """A bound of the whole talk."""

    after: float = Field(gt=0, le=86_400, description="seconds since the talk began")
    prompt: str = Field(
        default="Explain to the user in the current language that you have run out of time to "
        "continue the conversation and you will have someone contact them soon.",
        description="by which the mind says its last words",
    )
