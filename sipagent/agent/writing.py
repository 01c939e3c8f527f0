"""Pen: a mind that writes, for whoever is no talk: one text in, one text out."""

import asyncio
from collections.abc import Sequence

from sipagent.call.session import CallSession
from sipagent.errors import ProviderError

from .accounts import Accounts
from .afterwards.asking import let_go
from .conversation import Conversation, Message
from .failover import Candidate, Lineup
from .limits import Failures
from .protocols import Brain, Say, Used
from .streams import closing
from .witness.witnessed import minds_of

#: characters of an answer that are kept
_KEPT = 16_000


class Pen:
    """A `Model`. The first of `minds` that answers does; what is used counts as the call's."""

    def __init__(self, call: CallSession, minds: Sequence[Candidate[Brain]]) -> None:
        self._clock = call.bridge.clock
        self._lineup: Lineup[Brain] = minds_of(call, minds, Accounts(call, Failures(1)), "writing")

    async def write(self, prompt: str, text: str, *, timeout: float = 20.0) -> str:
        """See `Model`."""
        work = self._lineup.work()
        while True:
            conversation = Conversation(prompt=prompt, written=True)
            conversation.add(Message("caller", text))
            try:
                async with asyncio.timeout(timeout):
                    answer, used = await _answer(work.organ, conversation)
            except TimeoutError:
                error = ProviderError(work.name, f"no answer within {timeout:g} s", retryable=True)
            except ProviderError as failed:
                error = failed
            else:
                if used is not None:
                    work.replied(used, 0)
                return answer
            if not await work.failed(error, retry=False):
                raise error

    async def aclose(self) -> None:
        """See `Model`."""
        await let_go(self._lineup)


async def _answer(brain: Brain, conversation: Conversation) -> tuple[str, Used | None]:
    text, used = "", None
    async with closing(brain.reply(conversation, ())) as parts:
        async for part in parts:
            if isinstance(part, Say):
                text += part.text
            elif isinstance(part, Used):
                used = part
            if len(text) > _KEPT:
                break
    return text.strip()[:_KEPT], used
