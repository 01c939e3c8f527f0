"""Actions on hearing and sound: hints, timeouts, voice, background, hold, events."""

from collections.abc import Mapping
from typing import Any

from sipagent.call.live_agent import Hint
from sipagent.errors import CallError

from .doing import Action, Doing
from .values import items, mapping, number, text, true

#: hints of one action
_HINTS = 100
#: ms of silence that a turn may end with
_LEAST, _MOST = 100, 20_000


async def add_dynamic_hints(doing: Doing, value: Any) -> None:
    """Words, or objects with `pattern` and `replace`."""
    hints = [_hint(one) for one in items(value)[:_HINTS]]
    doing.agent.ears.add_hints(hints)


async def clear_dynamic_hints(doing: Doing, value: Any) -> None:
    """Those that were added."""
    doing.agent.ears.clear_hints()


async def end_of_speech_timeout(doing: Doing, value: Any) -> None:
    """ms."""
    doing.agent.ears.end_turns(end_of_speech=_ms(value))


async def speech_event_timeout(doing: Doing, value: Any) -> None:
    """ms."""
    doing.agent.ears.end_turns(event=_ms(value))


async def change_voice(doing: Doing, value: Any) -> None:
    """A voice's name, with the vendor's before it or not."""
    doing.agent.mouth.change_voice(text(value))


async def playback_bg(doing: Doing, value: Any) -> None:
    """A URL, or `{file, wait}`: with `wait` nobody asks a silent caller anything meanwhile."""
    if isinstance(value, Mapping):
        quiet = true(value.get("wait"))
        doing.agent.mouth.play_background(text(value.get("file")), quiet=quiet)
    else:
        doing.agent.mouth.play_background(text(value))


async def stop_playback_bg(doing: Doing, value: Any) -> None:
    """Nothing where nothing plays."""
    await doing.agent.mouth.stop_background()


async def user_event(doing: Doing, value: Any) -> None:
    """To whoever follows the call."""
    event = value.get("event", value) if isinstance(value, Mapping) else value
    outcome = await doing.perform({"user_event": {"event": event}})
    if not outcome.ok:
        doing.warn(f"user_event: {outcome.detail}")


def _hint(value: Any) -> Hint:
    if isinstance(value, str):
        return Hint(phrase=value)
    given = mapping(value)
    pattern = str(given.get("pattern") or "")
    phrase = str(given.get("hint") or "")
    if not pattern and not phrase:
        raise CallError("a hint is a text, or has a pattern")
    # the vendor's default: patterns are told apart by case unless they say otherwise
    ignore_case = true(given.get("ignore_case", False))
    return Hint(phrase, pattern, str(given.get("replace") or ""), ignore_case)


def _ms(value: Any) -> int:
    return int(min(max(number(value), _LEAST), _MOST))


SOUNDING: Mapping[str, Action] = {
    action.__name__: action
    for action in (
        add_dynamic_hints, clear_dynamic_hints, end_of_speech_timeout, speech_event_timeout,
        change_voice, playback_bg, stop_playback_bg, user_event,
    )
}  # fmt: skip
