"""Rehearsed: the record of a rehearsal, as a live call leaves one."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from sipagent.config import Settings
from sipagent.dialplan.model import Plan
from sipagent.events import Event
from sipagent.store.began import Began, write_began
from sipagent.store.bundle import write_bundle
from sipagent.testing.rehearsal import Answer, MindScript, Rehearsal, ScriptedMind, Wanted, rehearse
from sipagent.testing.virtual import run_virtual

Act = Callable[[Rehearsal], Awaitable[None]]


def on_record(
    folder: Path, plan: Plan, settings: Settings, act: Act, *answers: Answer, **more: Any
) -> Path:
    """Rehearse a call to a plan, in which `act` is the caller and models give `answers`; `more` is
    as for `rehearse`. Returns the folder, which has what a call's folder has.
    """
    script = MindScript(list(answers))

    def minds(wanted: Wanted) -> ScriptedMind | None:
        return None if wanted.embedded else ScriptedMind(script)

    async def call() -> list[Event]:
        async with rehearse(plan, settings, bundle=folder, minds=minds, **more) as rehearsal:
            await act(rehearsal)
        return rehearsal.events

    events = run_virtual(call())
    write_bundle(folder, events)
    began = Began(call_id=events[0].call_id, name=plan.name, file=plan.file, document=plan.document)
    write_began(folder, began)
    return folder
