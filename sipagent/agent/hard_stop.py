"""HardStop: the longest an agent talks, and how it takes its leave then."""

from pydantic import Field

from .parts import Part


class HardStop(Part):
    """A bound of the whole talk."""

    after: float = Field(gt=0, le=86_400, description="seconds since the talk began")
    prompt: str = Field(
        default="Your time for this call is over. Tell the caller so, in the language you have "
        "been speaking, and that somebody will be in touch with them.",
        description="by which the mind says its last words",
    )
