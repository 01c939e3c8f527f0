"""Guide: what the mind is told and offered at each turn of one talk."""

from collections.abc import Sequence

from sipagent.call.services import Successor, TalkEnd
from sipagent.call.session import CallSession
from sipagent.tools.spec import ToolSpec

from ..conversation import Conversation
from ..protocols import Expectation
from ..spec import AgentSpec
from .handing_over import HandOver
from .lines import lines_of
from .standing import Standing
from .templates import Templates

#: for a model that takes over and has no greeting of its own
_TAKEN_OVER = "you take over now: speak to the caller"


class Guide:
    """One instance a talk. Whoever asks a mind calls `brief` before, and offers it `offered()`;
    a talk is over once `end` is set, and goes on without the caller while `goes_on` says so.
    """

    def __init__(
        self,
        spec: AgentSpec,
        tools: Sequence[ToolSpec],
        conversation: Conversation,
        call: CallSession,
        standing: Standing,
    ) -> None:
        self._spec = spec
        self._conversation = conversation
        self._standing = standing
        self._templates = Templates(call)
        self._tools = [*tools, *self._hand_over()]
        self.end: TalkEnd | None = None

    def brief(self) -> None:
        """Put the system prompt as it stands now into the conversation."""
        parts = [self._templates.filled(self._spec.prompt or ""), self._taken_over()]
        self._conversation.prompt = "\n\n".join(filter(None, parts))

    def offered(self) -> tuple[ToolSpec, ...]:
        """The tools that may be used now."""
        return tuple(self._tools)

    def expects(self, own: Expectation) -> Expectation:
        """What the caller may say now, where `own` is what the mind knows of it."""
        return own

    def opening(self) -> tuple[str, str]:
        """What is said at first, word for word, and otherwise the note for the mind to begin by;
        both empty where the caller speaks first.
        """
        if self._spec.greeting:
            return self._templates.filled(self._spec.greeting), ""
        return "", _TAKEN_OVER if self._standing.baton is not None else ""

    def goes_on(self) -> str:
        """After a reply that was heard: a note for the mind to go on by, or nothing."""
        return ""

    def lines(self) -> tuple[str, ...]:
        """The talk so far, that of earlier agents included."""
        baton = self._standing.baton
        return (*(baton.lines if baton else ()), *lines_of(self._conversation.messages))

    def _taken_over(self) -> str:
        baton = self._standing.baton
        if baton is None:
            return ""
        return (
            f"You have taken over this call from {baton.giver or 'another agent'}. Do not greet "
            f"the caller anew or ask again for what is known. What is known:\n{baton.summary}"
        )

    def _hand_over(self) -> list[ToolSpec]:
        spec = self._spec
        if not spec.hand_over:
            return []
        door = HandOver(
            spec.hand_over, spec.max_hand_overs, self._standing, self.lines, self._leave
        )
        return [door.tool]

    def _leave(self, successor: Successor) -> None:
        self.end = TalkEnd("handed_over", successor=successor)
