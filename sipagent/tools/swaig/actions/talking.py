"""Actions on what is said and thought: say, steps, prompts, history, settings."""

from collections.abc import Mapping
from typing import Any

from sipagent.call.live_agent import NewContext

from .doing import Action, Doing
from .values import mapping, number, text, true

#: what the model's API calls them, and the bounds within which they count
_SETTINGS: Mapping[str, tuple[float, float]] = {
    "temperature": (0.0, 1.5),
    "top_p": (0.0, 1.0),
    "max_tokens": (1, 4096),
    "frequency_penalty": (-2.0, 2.0),
    "presence_penalty": (-2.0, 2.0),
}
_EARS = frozenset({"confidence", "barge_confidence"})
#: characters of one text that is said
_SAID = 2_000


async def say(doing: Doing, value: Any) -> None:
    """In the agent's own voice, and wait until it was heard."""
    await doing.agent.say(text(value)[:_SAID])


async def user_input(doing: Doing, value: Any) -> None:
    """As if the caller had said it."""
    doing.agent.tell(text(value), role="user")


async def change_step(doing: Doing, value: Any) -> None:
    """Go to a step of the context."""
    step = value.get("step", value) if isinstance(value, Mapping) else value
    doing.agent.mind.go_to(step=text(step))


async def change_context(doing: Doing, value: Any) -> None:
    """Go to a context."""
    context = value.get("context", value) if isinstance(value, Mapping) else value
    doing.agent.mind.go_to(context=text(context))


async def context_switch(doing: Doing, value: Any) -> None:
    """Another prompt: a text, or an object with what becomes of what was said."""
    if isinstance(value, str):
        doing.agent.mind.change(NewContext(system_prompt=value))
        return
    wanted = mapping(value)
    doing.agent.mind.change(
        NewContext(
            system_prompt=str(wanted.get("system_prompt") or ""),
            consolidate=true(wanted.get("consolidate")),
            full_reset=true(wanted.get("full_reset")),
        )
    )
    if wanted.get("user_prompt"):
        doing.note(text(wanted["user_prompt"]))


async def wait_for_user(doing: Doing, value: Any) -> None:
    """true, a number of seconds, or "answer_first"; false does nothing."""
    if value == "answer_first":
        doing.agent.mind.wait_for_user(answer_first=True)
    elif isinstance(value, bool) or value in ("true", "false"):
        if true(value):
            doing.agent.mind.wait_for_user()
    else:
        doing.agent.mind.wait_for_user(min(max(number(value), 0.0), 3600.0))


async def back_to_back_functions(doing: Doing, value: Any) -> None:
    """May the model call another function before it speaks?"""
    doing.agent.mind.allow_tools(in_a_row=true(value))


async def functions_on_speaker_timeout(doing: Doing, value: Any) -> None:
    """May it call functions where the caller says nothing?"""
    doing.agent.mind.allow_tools(on_silence=true(value))


async def extensive_data(doing: Doing, value: Any) -> None:
    """The model reads the whole result in this turn, and later only its beginning."""
    if true(value):
        doing.agent.mind.reword_tool(brief=True)


async def replace_in_history(doing: Doing, value: Any) -> None:
    """Later the model knows a text in the place of call and result, or nothing."""
    if isinstance(value, str) and value not in ("true", "false"):
        doing.agent.mind.reword_tool(value)
    elif true(value):
        doing.agent.mind.reword_tool()


async def settings(doing: Doing, value: Any) -> None:
    """Of the model and the ears; names with hyphens or underscores, values brought into bounds."""
    if not doing.desk.rules.allow_settings:
        doing.refused("settings")
        return
    mind: dict[str, float] = {}
    ears: dict[str, float] = {}
    for key, wanted in mapping(value).items():
        name = str(key).replace("-", "_")
        if name in _SETTINGS:
            low, high = _SETTINGS[name]
            mind[name] = min(max(number(wanted), low), high)
        elif name in _EARS:
            ears[name] = min(max(number(wanted), 0.0), 1.0)
        else:
            doing.warn(f"settings: there is no {str(key)[:50]!r}")
    if mind:
        doing.agent.mind.set_up(mind)
    if ears:
        doing.agent.ears.trust(
            confidence=ears.get("confidence"), barge=ears.get("barge_confidence")
        )


TALKING: Mapping[str, Action] = {
    action.__name__: action
    for action in (
        say, user_input, change_step, change_context, context_switch, wait_for_user,
        back_to_back_functions, functions_on_speaker_timeout, extensive_data, replace_in_history,
        settings,
    )
}  # fmt: skip
