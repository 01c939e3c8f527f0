"""TongueMouth: one mouth made of several, each for the languages it speaks."""

import asyncio
from collections.abc import AsyncIterator, Mapping

from sipagent.agent.protocols import OWN_TONGUE, Connected, Synthesizer, Tongue
from sipagent.agent.streams import closing


class TongueMouth:
    """A Synthesizer. `others` are by BCP 47 tag; what none of them speaks is `own`'s."""

    def __init__(self, own: Synthesizer, others: Mapping[str, Synthesizer]) -> None:
        self._own = own
        self._others = others

    async def synthesize(self, text: str, tongue: Tongue = OWN_TONGUE) -> AsyncIterator[bytes]:
        """See `Synthesizer`."""
        mouth = self._others.get(tongue.language, self._own)
        async with closing(mouth.synthesize(text, tongue)) as chunks:
            async for pcm in chunks:
                yield pcm

    async def warm(self) -> None:
        """See `Connected`."""
        await asyncio.gather(*(mouth.warm() for mouth in self._connected))

    async def aclose(self) -> None:
        """See `Connected`."""
        for mouth in self._connected:
            await mouth.aclose()

    @property
    def _connected(self) -> list[Connected]:
        every = (self._own, *self._others.values())
        return [mouth for mouth in every if isinstance(mouth, Connected)]
