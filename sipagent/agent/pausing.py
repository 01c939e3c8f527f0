"""pause_conversation: the tool by which an agent falls silent until it is called by its name."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sipagent.call.control import CallControl
from sipagent.tools.spec import ToolResult, ToolSpec

from .waking import Wakefulness, WakingSpec

PAUSE_CONVERSATION = "pause_conversation"


@dataclass(frozen=True, slots=True)
class PauseConversation:
    """What the caller says meanwhile is known to the mind, and not answered."""

    spec: WakingSpec
    wake: Wakefulness

    @property
    def tool(self) -> ToolSpec:
        """As the model sees it."""
        return ToolSpec(
            name=PAUSE_CONVERSATION,
            description="Fall silent, when the caller asks you to wait or to hold on. You are "
            f"called back by your name, {self.called}.",
            parameters={"type": "object", "properties": {}, "additionalProperties": False},
            invoke=self.invoke,
        )

    @property
    def called(self) -> str:
        """What wakes it."""
        return f"{self.spec.prefix} {self.spec.name}".strip()

    async def invoke(self, arguments: Mapping[str, Any], control: CallControl) -> ToolResult:
        """Fall silent after this reply."""
        self.wake.pause()
        return ToolResult(
            f"You are silent from now on. Tell the caller in a few words that they may say "
            f"{self.called!r} when they want you back."
        )
