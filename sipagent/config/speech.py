"""Settings of speech: where what is said again and again is kept."""

from pathlib import Path

from pydantic import Field

from .parts import Part


class SpeechCache(Part):
    """Speech of texts that stand in plans, so that it is there at once, even when its vendor is
    not. What a model says is not kept, unless an agent says `speech_cache: all`.
    """

    folder: Path | None = Field(
        default=None, description="shared by all calls; default: speech in the state's folder"
    )
    megabytes: int = Field(
        default=200, ge=0, le=100_000, description="above: the longest unused goes; 0: off"
    )
