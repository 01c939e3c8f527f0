"""The agent that is talking, for everybody who has a word for it: functions, operators, clients."""

from typing import Literal, Protocol


class LiveAgent(Protocol):
    """What can be asked of the agent in a call while it talks."""

    async def say(self, text: str) -> None:
        """Say this in the agent's own voice at once, and wait until it was heard."""
        ...

    def tell(self, text: str, role: Literal["system", "user"] = "system") -> None:
        """A note for the mind, or words as if the caller had spoken them: it replies."""
        ...

    def leave(self, section: str | None = None) -> None:
        """End the talk now, in the middle of a word; the plan goes on, at `section` if named."""
        ...
