"""The action SWML: a document run inside the talk, or in its place."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from sipagent.call.documents import Document
from sipagent.call.live_agent import Exit
from sipagent.errors import PlanError
from sipagent.events import Event, VerbDone

from .doing import Doing
from .values import true

#: where a document leaves what the model is to make of it
AI_RESPONSE = "ai_response"
#: verbs that go on beside a talk: the agent need not step aside for them
_BESIDE = frozenset(
    {
        "denoise", "execute_rpc", "label", "live_transcribe", "live_translate",
        "record_call", "request", "return", "send_sms", "set", "stop_denoise",
        "stop_record_call", "stop_stream", "stop_tap", "stream", "tap", "transcribe",
        "transcribe_stop", "unset", "user_event",
    }
)  # fmt: skip


async def swml(doing: Doing, value: Any, transfer: Any) -> None:
    """Run a document. `transfer` says whether the talk ends before; it may stand inside, too."""
    if not doing.desk.rules.allow_swml:
        doing.refused("SWML")
        return
    try:
        raw = _data(value)
        inside = raw.pop("transfer", None)
        document = doing.call.services.documents.read(raw, f"function {doing.function}")
    except (PlanError, ValueError) as error:
        doing.warn(f"SWML: {error}")
        doing.notes.append("(its SWML document cannot be read: nothing was done)")
        return
    if true(transfer) or true(inside):
        await leave(doing, document)
        return
    await _inline(doing, document, _instruction(raw))


async def leave(doing: Doing, document: Document) -> None:
    """End the talk once what is being said was heard; the document is run then."""
    if doing.control.presence is not None:
        await doing.control.presence.finish_speaking()
    doing.agent.leave(to=Exit(document, doing.control.by))
    doing.left = True


async def _inline(doing: Doing, document: Document, instruction: Any) -> None:
    call = doing.call
    call.scope["vars"].pop(AI_RESPONSE, None)
    stop = call.watch(_failures(doing))
    try:
        if _takes_the_caller(document):
            if doing.control.presence is not None:
                await doing.control.presence.finish_speaking()
            async with call.aside():
                # nobody would hear the agent: what is said there has a voice of its own
                outcome = await doing.desk.perform(replace(doing.control, presence=None), document)
        else:
            outcome = await doing.desk.perform(doing.control, document)
    finally:
        stop()
    if not outcome.ok and outcome.detail:
        doing.notes.append(f"({outcome.detail})")
    doing.ends_talk = doing.ends_talk or outcome.ends_talk or call.deserted
    said = call.scope["vars"].pop(AI_RESPONSE, None)
    if said is not None:
        # anew: when it was set, what it speaks of had not happened yet
        filled = instruction if instruction is not None else said
        try:
            filled = call.services.expressions.expand(filled, call.scope)
        except PlanError as error:
            doing.warn(f"{AI_RESPONSE}: {error}")
            filled = said
        doing.note(str(filled))


def _failures(doing: Doing) -> Callable[[Event], None]:
    """Tell the model of every step that was refused or failed: it is not to say that it worked."""

    def watch(event: Event) -> None:
        if isinstance(event, VerbDone) and event.by == doing.control.by and not event.ok:
            doing.notes.append(f"({event.verb}: {event.detail or 'that did not work'})")

    return watch


def _data(value: Any) -> dict[str, Any]:
    """A copy of the document as data. Raises ValueError."""
    if isinstance(value, Mapping) and "raw_swml" in value:
        value = value["raw_swml"]
    if isinstance(value, str):
        value = json.loads(value)
    if not isinstance(value, Mapping):
        raise ValueError("it is no document")
    return dict(value)


def _instruction(raw: Mapping[str, Any]) -> Any:
    """`ai_response` as it was written, its templates not yet filled."""
    sections = raw.get("sections")
    main = sections.get("main") if isinstance(sections, Mapping) else None
    found = None
    for step in main if isinstance(main, list) else ():
        values = step.get("set") if isinstance(step, Mapping) else None
        if isinstance(values, Mapping):
            found = values.get(AI_RESPONSE, found)
    return found


def _takes_the_caller(document: Document) -> bool:
    return any(
        step.verb.name not in _BESIDE for steps in document.program.values() for step in steps
    )
