"""Scribe: a summary of a talk and facts from it, made by a model and checked by us."""

from collections.abc import Sequence

from sipagent.call.session import CallSession
from sipagent.events import Summarised

from ..failover import Candidate
from ..protocols import Brain
from .asking import Question, ask
from .remembering import keep
from .spec import MemorySpec, SummarySpec

_RECORD = "record"


class Scribe:
    """Asks the first of `minds` that answers. One instance an agent of a call."""

    def __init__(
        self,
        agent: str,
        spec: SummarySpec,
        minds: Sequence[Candidate[Brain]],
        memory: MemorySpec | None = None,
    ) -> None:
        """With `memory` the words of the summary are kept for the caller's next call."""
        self._agent = agent
        self._memory = memory
        self._question = Question(spec.prompt, spec.schema_, _RECORD, spec.timeout)
        self._minds = minds

    async def write(self, call: CallSession, lines: Sequence[str]) -> None:
        """Put the summary of a talk on record, or why there is none. Bounded by the spec's timeout
        in all; nothing is asked where the caller said nothing.
        """
        if not any(line.startswith("caller:") for line in lines):
            return
        began = call.bridge.clock.t
        summary = await ask(call, self._minds, self._question, lines)
        if self._memory is not None and summary.text:
            keep(call, self._agent, self._memory, summary.text)
        call.emit(
            Summarised,
            agent=self._agent,
            ok=not summary.cause,
            text=summary.text,
            data=summary.data,
            provider=summary.provider,
            error=summary.cause,
            ms=call.bridge.clock.t - began,
        )
