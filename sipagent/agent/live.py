"""Live: a talk's own LiveMind, LiveEars and LiveVoice."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sipagent.call.live_agent import Hint, LiveEars, LiveMind, LiveVoice, NewContext
from sipagent.events import LanguageChanged

from .background import Background, BackgroundSpec
from .conversation import Conversation
from .floor import Floor
from .guiding.guide import Guide
from .hearing_rules import HearingRules
from .speaking.speaker import Speaker
from .steering.tools import ToolSteering

#: seconds without a word of the caller's, where a function wants no limit
_NO_LIMIT = 3600.0


@dataclass(frozen=True, slots=True)
class Live:
    """Of one talk."""

    mind: LiveMind
    ears: LiveEars
    mouth: LiveVoice


class MindSteering:
    """See `LiveMind`."""

    def __init__(
        self, guide: Guide, conversation: Conversation, floor: Floor, tools: ToolSteering
    ) -> None:
        self._guide = guide
        self._conversation = conversation
        self._floor = floor
        self._tools = tools

    def go_to(self, step: str = "", context: str = "") -> None:
        """See `LiveMind`."""
        self._guide.go_to(step, context)

    def change(self, context: NewContext) -> None:
        """See `LiveMind`."""
        self._guide.change(context)

    def set_up(self, settings: Mapping[str, float]) -> None:
        """See `LiveMind`."""
        self._conversation.settings.update(settings)

    def wait_for_user(self, seconds: float | None = None, *, answer_first: bool = False) -> None:
        """See `LiveMind`."""
        self._tools.rest = self._tools.rest or not answer_first
        self._floor.prompting.wait(_NO_LIMIT if seconds is None else seconds)

    def allow_tools(self, *, in_a_row: bool | None = None, on_silence: bool | None = None) -> None:
        """See `LiveMind`."""
        if in_a_row is not None:
            self._tools.in_a_row = in_a_row
        if on_silence is not None:
            self._floor.prompting.with_tools = on_silence

    def reword_tool(self, text: str | None = None, *, brief: bool = False) -> None:
        """See `LiveMind`."""
        self._tools.reword(text, brief=brief)


class EarSteering:
    """See `LiveEars`."""

    def __init__(self, floor: Floor, hearing: HearingRules) -> None:
        self._floor = floor
        self._hearing = hearing

    def add_hints(self, hints: Sequence[Hint]) -> None:
        """See `LiveEars`."""
        self._hearing.hints.add(hints)

    def clear_hints(self) -> None:
        """See `LiveEars`."""
        self._hearing.hints.clear()

    def end_turns(self, *, end_of_speech: int | None = None, event: int | None = None) -> None:
        """See `LiveEars`. Words that are whole may still end a turn sooner."""
        turns = self._floor.turns
        rules = turns.rules
        if end_of_speech is not None:
            rules = replace(
                rules,
                end_of_turn_ms=end_of_speech,
                complete_ms=min(rules.complete_ms, end_of_speech),
                patient_ms=end_of_speech,
                end_of_speech_timeout=end_of_speech,
            )
        if event is not None:
            rules = replace(rules, stale_ms=event)
        turns.rules = rules

    def trust(self, *, confidence: float | None = None, barge: float | None = None) -> None:
        """See `LiveEars`."""
        self._floor.trust(confidence, barge)


class VoiceSteering:
    """See `LiveVoice`."""

    def __init__(self, speaker: Speaker, floor: Floor) -> None:
        self._speaker = speaker
        self._background = Background(speaker.call, "playback_bg")
        self._quiet = False
        floor.prompting.hushed = self._hushed

    def change_voice(self, voice: str) -> None:
        """See `LiveVoice`."""
        vendor, _, name = voice.partition(".")
        manner = self._speaker.manner
        manner.voice = (name if vendor.isalnum() and name else voice).split(":")[0]
        tongue = manner.tongue
        self._speaker.call.emit(LanguageChanged, language=tongue.language, voice=tongue.voice)

    def play_background(self, url: str, *, quiet: bool = False) -> None:
        """See `LiveVoice`."""
        self._quiet = quiet
        self._background.play(BackgroundSpec(file=url, loops=1))

    async def stop_background(self) -> None:
        """See `LiveVoice`."""
        await self._background.stop()

    def _hushed(self) -> bool:
        return self._quiet and self._background.playing
