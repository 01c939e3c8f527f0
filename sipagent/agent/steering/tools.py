"""ToolSteering: what functions say of the turn they run in, and of how they are remembered."""

from ..conversation import Conversation


class ToolSteering:
    """One a talk. `request` is the tool call that runs, or whose actions do."""

    def __init__(self, conversation: Conversation) -> None:
        self.request = ""
        #: say no more in this turn
        self.rest = False
        #: may another tool be called in the turn in which one was?
        self.in_a_row = True
        self._conversation = conversation
        self._rewordings: list[tuple[str, str | None, bool]] = []

    def new_turn(self) -> None:
        """The turn before is over: what was to be read once was read."""
        self.rest = False
        for request, text, brief in self._rewordings:
            self._conversation.reword_tool(request, text, brief=brief)
        self._rewordings.clear()

    def reword(self, text: str | None, *, brief: bool) -> None:
        """See `LiveMind.reword_tool`."""
        self._rewordings.append((self.request, text, brief))
