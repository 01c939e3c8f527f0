"""The agent that is talking, for everybody who has a word for it: functions, operators, clients."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from .documents import Document


class TalkLog(Protocol):
    """What was said and done in one talk so far, in SWML's words and redacted as the call is. It
    may be read after the talk, too.
    """

    @property
    def session_id(self) -> str:
        """`ai_session_id`: a UUID of this talk alone."""
        ...

    def call_log(self) -> list[dict[str, Any]]:
        """What the mind knows now: entries of the roles system, user, assistant, tool and
        system-log, with `timestamp` in microseconds since the epoch.
        """
        ...

    def raw_call_log(self) -> list[dict[str, Any]]:
        """As `call_log`, with what the mind was made to forget."""
        ...

    def function_called(self, entry: Mapping[str, Any]) -> None:
        """A function was run outside: one entry of `swaig_log` (`command_name`, `command_arg`,
        `epoch_time`, `url`, `post_data`, `post_response`, ...).
        """
        ...

    def functions(self) -> Sequence[Mapping[str, Any]]:
        """`swaig_log` so far."""
        ...


@dataclass(frozen=True, slots=True)
class Exit:
    """A document that is run in the place of a talk that ended, in the name of `by`."""

    document: Document
    by: str


@dataclass(frozen=True, slots=True)
class NewContext:
    """A system prompt for the rest of the talk (empty: it stays), and what becomes of what was
    said: it is kept, put in a few words, or forgotten.
    """

    system_prompt: str = ""
    consolidate: bool = False
    full_reset: bool = False


@dataclass(frozen=True, slots=True)
class Hint:
    """A word the ears should know (`phrase`), or words they get wrong: a regular expression and
    what is meant.
    """

    phrase: str = ""
    pattern: str = ""
    replace: str = ""
    ignore_case: bool = True


class LiveMind(Protocol):
    """What others may change of an agent's thinking, until the talk is over."""

    def go_to(self, step: str = "", context: str = "") -> None:
        """Go to a step, legal or not. Raises CallError where nothing is so named."""
        ...

    def change(self, context: NewContext) -> None:
        """Go on with another prompt, from the next reply on."""
        ...

    def set_up(self, settings: Mapping[str, float]) -> None:
        """Wishes for the model: temperature, top_p, max_tokens, frequency_penalty,
        presence_penalty; see `Conversation.settings`.
        """
        ...

    def wait_for_user(self, seconds: float | None = None, *, answer_first: bool = False) -> None:
        """Say no more (once this turn's answer was given, with `answer_first`) until the caller
        does; for so long nobody asks whether they are still there.
        """
        ...

    def allow_tools(self, *, in_a_row: bool | None = None, on_silence: bool | None = None) -> None:
        """May it call another in this turn? May it call any where it speaks to a silent caller?
        None leaves that as it is.
        """
        ...

    def reword_tool(self, text: str | None = None, *, brief: bool = False) -> None:
        """Of the tool that runs: once this turn is over the mind knows `text` in the place of
        request and result, or (with `brief`) the beginning of the result; with neither, nothing.
        """
        ...


class LiveEars(Protocol):
    """What others may change of an agent's hearing, until the talk is over."""

    def add_hints(self, hints: Sequence[Hint]) -> None:
        """Beside those of its declaration. Raises CallError for a pattern that is none."""
        ...

    def clear_hints(self) -> None:
        """Drop those that were added."""
        ...

    def end_turns(self, *, end_of_speech: int | None = None, event: int | None = None) -> None:
        """ms of silence that end any turn of the caller's, and ms after the newest words of a turn
        that end it though a voice goes on.
        """
        ...

    def trust(self, *, confidence: float | None = None, barge: float | None = None) -> None:
        """Words of which the ears are less sure (0..1) are not heard; or do not stop it."""
        ...


class LiveVoice(Protocol):
    """What others may change of an agent's speech, until the talk is over."""

    def change_voice(self, voice: str) -> None:
        """Speak with this voice of the provider's, or of `PROVIDER.VOICE`, from now on."""
        ...

    def play_background(self, url: str, *, quiet: bool = False) -> None:
        """Play once under the agent's voice, in the place of what plays already. With `quiet`
        nobody asks a silent caller anything meanwhile.
        """
        ...

    async def stop_background(self) -> None:
        """Nothing where nothing plays."""
        ...


class LiveAgent(Protocol):
    """What can be asked of the agent in a call while it talks."""

    @property
    def log(self) -> TalkLog:
        """Of this talk."""
        ...

    @property
    def mind(self) -> LiveMind:
        """Raises CallError once the talk is over; so do `ears` and `mouth`."""
        ...

    @property
    def ears(self) -> LiveEars:
        """See `LiveEars`."""
        ...

    @property
    def mouth(self) -> LiveVoice:
        """See `LiveVoice`."""
        ...

    async def say(self, text: str) -> None:
        """Say this in the agent's own voice at once, and wait until it was heard."""
        ...

    def tell(self, text: str, role: Literal["system", "user"] = "system") -> None:
        """A note for the mind, or words as if the caller had spoken them: it replies."""
        ...

    def leave(self, section: str | None = None, *, to: Exit | None = None) -> None:
        """End the talk now, in the middle of a word; the plan goes on, at `section` if named, or
        ends with what `to` says.
        """
        ...
