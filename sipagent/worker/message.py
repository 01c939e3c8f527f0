"""Message: what every word between gateway and worker is."""

from pydantic import BaseModel, ConfigDict


class Message(BaseModel):
    """Frozen, and nothing in it that is not known."""

    model_config = ConfigDict(frozen=True, extra="forbid")
