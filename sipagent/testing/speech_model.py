"""ScriptedSpeechModel: a speech-to-speech model without a vendor, for talks on virtual time."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from sipagent.agent.protocols import ToolCall
from sipagent.agent.realtime.model import (
    Asked,
    Done,
    Heard,
    ModelEvent,
    Setup,
    Traits,
    Voice,
    Whose,
    Words,
)
from sipagent.agent.realtime.organs import RealtimeBrain
from sipagent.agent.realtime.session import Maker, Session
from sipagent.errors import ProviderError

from .organs import BeepMouth

#: a model that can do everything
ABLE = Traits("model", truncates=True, says=True, early=True, rigid=False)
Answer = str | ToolCall | None


@dataclass(slots=True)
class SpeechScript:
    """`answers` in order, then "Yes." (None never comes); `heard` is what sounds are written as,
    then nothing; `refused` is how often a session cannot be opened.
    """

    answers: list[Answer] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    refused: int = 0
    traits: Traits = ABLE
    mouth: BeepMouth = field(default_factory=BeepMouth)
    models: list["ScriptedSpeechModel"] = field(default_factory=list)

    def brain(self, prompt: str = "You are a clerk.", phrases: Sequence[str] = ()) -> RealtimeBrain:
        """A mind of such sessions."""
        return RealtimeBrain(Session(Maker(self.traits, 8000, self._make), prompt), phrases)

    def _make(self) -> "ScriptedSpeechModel":
        model = ScriptedSpeechModel(self)
        self.models.append(model)
        return model


class ScriptedSpeechModel:
    """A SpeechModel: one session. Answers come whole and at once."""

    def __init__(self, script: SpeechScript) -> None:
        self.traits = script.traits
        #: every command but `hear`, with what it was told
        self.told: list[tuple[str, ...]] = []
        self.heard_ms = 0
        self._script = script
        self._events: asyncio.Queue[ModelEvent | ProviderError] = asyncio.Queue()

    async def open(self, setup: Setup) -> None:
        """See `SpeechModel`."""
        if self._script.refused > 0:
            self._script.refused -= 1
            raise ProviderError(self.traits.provider, "503 from somewhere", retryable=True)

    def lose(self) -> None:
        """End the session."""
        self._events.put_nowait(ProviderError(self.traits.provider, "the connection broke"))

    def change(self, setup: Setup) -> None:
        """See `SpeechModel`."""
        self.told.append(("change", *(tool.name for tool in setup.tools)))

    def hear(self, pcm: bytes) -> None:
        """See `SpeechModel`."""
        self.heard_ms += len(pcm) // 16

    def commit(self, sound: str) -> None:
        """See `SpeechModel`."""
        self.told.append(("commit", sound))
        text = self._script.heard.pop(0) if self._script.heard else ""
        self._events.put_nowait(Heard(sound, text))

    def forget(self) -> None:
        """See `SpeechModel`."""
        self.told.append(("forget",))

    def drop(self, sound: str) -> None:
        """See `SpeechModel`."""
        self.told.append(("drop", sound))

    def write(self, whose: Whose, text: str) -> None:
        """See `SpeechModel`."""
        self.told.append(("write", whose, text))

    def result(self, call: ToolCall, text: str) -> None:
        """See `SpeechModel`."""
        self.told.append(("result", call.id, text))

    def respond(self, answer: str) -> None:
        """See `SpeechModel`."""
        self.told.append(("respond",))
        script = self._script
        said = script.answers.pop(0) if script.answers else "Yes."
        if isinstance(said, ToolCall):
            self._events.put_nowait(Asked(answer, said))
            self._events.put_nowait(Done(answer))
        elif said is not None:
            self._speak(answer, said)

    def say(self, answer: str, text: str) -> None:
        """See `SpeechModel`."""
        self.told.append(("say", text))
        self._speak(answer, text)

    def cancel(self, answer: str) -> None:
        """See `SpeechModel`."""
        self.told.append(("cancel",))

    def cut(self, answer: str, played_ms: int) -> None:
        """See `SpeechModel`."""
        self.told.append(("cut", str(played_ms)))

    async def events(self) -> AsyncIterator[ModelEvent]:
        """See `SpeechModel`."""
        while True:
            event = await self._events.get()
            if isinstance(event, ProviderError):
                raise event
            yield event

    async def aclose(self) -> None:
        """See `SpeechModel`."""

    def _speak(self, answer: str, text: str) -> None:
        self._events.put_nowait(Words(answer, text))
        self._events.put_nowait(Voice(answer, self._script.mouth.sound(text)))
        self._events.put_nowait(Done(answer))
