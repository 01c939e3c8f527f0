"""Scripts: what a test phone does in a call, step by step, and the report of how it went."""

import asyncio
import time
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from sipagent.errors import LegFailed, SipAgentError
from sipagent.tasks import stopped

from .actions import (
    ACTIONS,
    Action,
    ExpectEnd,
    Hangup,
    Record,
    Scene,
    Speak,
    StepFailed,
    rounded,
)
from .call import PhoneCall


class BadScript(SipAgentError):
    """A script that cannot be read: which word, and what was expected."""


@dataclass(frozen=True, slots=True)
class StepReport:
    """How one step went; times are seconds since the INVITE."""

    action: str
    ok: bool
    start_s: float
    seconds: float
    detail: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CallReport:
    """How a scripted call went. `status` is the INVITE's final one; seconds and milliseconds
    count from the INVITE.
    """

    ok: bool
    target: str
    call_id: str
    status: int
    reason: str
    ended_by: str
    ringing_ms: float | None
    answer_ms: float | None
    seconds: float
    steps: Sequence[StepReport]
    keys_heard: str
    rtp: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return asdict(self)


async def run_script(
    call: PhoneCall, actions: Sequence[Action], *, speak: Speak, answer_timeout: float = 32.0
) -> CallReport:
    """Wait for the answer, do the steps in order, hang up, report. The first step that fails
    ends the script; so does the end of the call, where no step waits for it.
    """
    scene = Scene(call, speak)
    steps: list[StepReport] = []
    status, reason = 200, "OK"
    try:
        await call.wait_answered(answer_timeout)
    except LegFailed as refused:
        status, reason = refused.status, refused.reason
    except TimeoutError:
        status, reason = 408, "no answer in time"
    else:
        for action in actions:
            steps.append(await _step(scene, action))
            if not steps[-1].ok:
                break
    ended = await call.hangup()
    for path in scene.recordings:
        await asyncio.to_thread(call.stereo_wav, path)
    return CallReport(
        ok=status == 200 and len(steps) == len(actions) and all(step.ok for step in steps),
        target=call.remote,
        call_id=call.id,
        status=status,
        reason=reason,
        ended_by=ended.by,
        ringing_ms=_since(call, call.times.ringing),
        answer_ms=_since(call, call.times.answered),
        seconds=rounded(ended.at - call.times.begun),
        steps=tuple(steps),
        keys_heard=call.keys.pressed,
        rtp=call.rtp_stats(),
    )


async def _step(scene: Scene, action: Action) -> StepReport:
    start = time.perf_counter()
    ok, detail, data = True, "", dict[str, Any]()
    try:
        data.update(await _while_up(scene.call, action, action.run(scene)))
    except TimeoutError:
        ok, detail = False, "nothing of the kind in time"
    except (StepFailed, LegFailed, OSError, ValueError) as error:
        ok, detail = False, str(error)
    now, begun = time.perf_counter(), scene.call.times.begun
    return StepReport(action.name, ok, rounded(start - begun), rounded(now - start), detail, data)


async def _while_up(
    call: PhoneCall, action: Action, work: Coroutine[Any, Any, Mapping[str, Any]]
) -> Mapping[str, Any]:
    """Do a step; the end of the call ends it, but for those that are about the end."""
    task = asyncio.ensure_future(work)
    try:
        if not isinstance(action, (Hangup, ExpectEnd, Record)):
            await asyncio.wait((task, call.ended), return_when=asyncio.FIRST_COMPLETED)
            if call.ended.done():
                raise StepFailed(f"the call was over: {call.ended.result().reason}")
        return await task
    finally:
        if not task.done():
            await stopped(task)


def parse(words: Sequence[str]) -> tuple[Action, ...]:
    """Read a script: each action's name, then its arguments. One that must be there is taken
    whatever it is; one that may be left out ends at the next action's name. Raises BadScript.
    """
    actions: list[Action] = []
    rest = list(words)
    while rest:
        name = rest.pop(0)
        kind = ACTIONS.get(name)
        if kind is None:
            raise BadScript(f"{name!r} is no action; there are {', '.join(ACTIONS)}")
        actions.append(kind(**_arguments(kind, rest)))
    return tuple(actions)


def _arguments(kind: type[Action], rest: list[str]) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for parameter in fields(kind):
        key, needed = parameter.name, parameter.default is MISSING
        if not rest and needed:
            raise BadScript(f"{kind.name} needs its {key}")
        if not needed and (not rest or rest[0] in ACTIONS):
            break
        word = rest.pop(0)
        try:
            given[key] = _typed(parameter.type, word)
        except ValueError as error:
            raise BadScript(f"{kind.name}: {word!r} is no {key}") from error
    return given


def _typed(kind: Any, word: str) -> Any:
    return kind(word) if kind in (int, float, Path) else word


def _since(call: PhoneCall, at: float | None) -> float | None:
    return None if at is None else rounded(1000 * (at - call.times.begun))
