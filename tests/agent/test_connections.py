"""Organs with connections: opened while the greeting is spoken, closed with the talk."""

import asyncio

from sipagent.testing.fakes import ScriptedBrain, ScriptedEars
from sipagent.testing.talk import a_talk
from sipagent.testing.virtual import virtual_time


class ConnectedBrain(ScriptedBrain):
    """Notes what is asked of its connections; `slow` never gets one."""

    def __init__(self, *, slow: bool = False) -> None:
        super().__init__("Nine to five.")
        self.slow = slow
        self.told: list[str] = []

    async def warm(self) -> None:
        self.told.append("warm")
        if self.slow:
            await asyncio.get_running_loop().create_future()

    async def aclose(self) -> None:
        self.told.append("close")


@virtual_time
async def test_a_mind_is_warmed_once_before_the_first_turn_and_closed_after_the_last() -> None:
    brain = ConnectedBrain()
    async with a_talk(ears=ScriptedEars("hello"), brain=brain, greeting="Good day.") as talk:
        await talk.until(100)
        assert brain.told == ["warm"]
        await talk.until(1000)
        await talk.person.speak(800, then_quiet=2000)
        assert ("agent", "Nine to five.") in talk.said
        assert brain.told == ["warm"]
        talk.port.close()
        assert (await talk.end()).reason == "gone"
        assert brain.told == ["warm", "close"]


@virtual_time
async def test_a_server_that_does_not_connect_keeps_nobody_waiting() -> None:
    brain = ConnectedBrain(slow=True)
    async with a_talk(ears=ScriptedEars("hello"), brain=brain, greeting="Good day.") as talk:
        await talk.until(1000)
        await talk.person.speak(800, then_quiet=2000)
        assert ("agent", "Nine to five.") in talk.said
    assert brain.told == ["warm", "close"]
