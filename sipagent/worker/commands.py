"""Commands: what others want of this call while it runs, each in its own name."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog
from pydantic import ValidationError

from sipagent.call.control import CallControl
from sipagent.call.policy import Policy
from sipagent.call.session import CallSession
from sipagent.call.verb import Leave, Outcome
from sipagent.errors import ProviderError
from sipagent.events import OutsideAsked
from sipagent.tasks import stopped
from sipagent.verbs.documents import is_inline, is_url
from sipagent.verbs.outside import OUTSIDE
from sipagent.verbs.signalling import HangupVerb

from .course import Course
from .protocol import Command, Commanded

log = structlog.get_logger(__name__)

#: under way in one call at a time; what comes above it is refused
MOST = 16
#: hundredths of a second an agent has to be gone
_LEAVES = 200


@dataclass(frozen=True, slots=True)
class Steered:
    """A call that commands can reach: what bounds them, and the plan they interrupt."""

    call: CallSession
    course: Course
    policies: Sequence[Policy]


class Commands:
    """Takes commands from the first moment of a worker to its last; each is answered once."""

    def __init__(self, answer: Callable[[Commanded], None]) -> None:
        self._answer = answer
        self._steered: Steered | None = None
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def open(self, steered: Steered) -> None:
        """The call has begun."""
        self._steered = steered

    def take(self, command: Command) -> None:
        """Begin it; refused where the call has not begun, or too much is under way in it."""
        if self._steered is None:
            self._tell(command, Outcome(False, "the call has not begun, or is over", status=409))
        elif len(self._tasks) >= MOST:
            why = f"{MOST} commands are under way in this call"
            self._tell(command, Outcome(False, why, status=429))
        else:
            task = asyncio.ensure_future(self._run(self._steered, command))
            self._tasks[command.id] = task
            task.add_done_callback(lambda _: self._tasks.pop(command.id, None))

    def revoke(self, command_id: str) -> None:
        """Stop one, if it still runs."""
        if (task := self._tasks.get(command_id)) is not None:
            task.cancel()

    async def close(self, grace: float = 0.0) -> None:
        """The call ends: those that notice by themselves within `grace` seconds say how they came
        out; the others are cancelled.
        """
        self._steered = None
        if not self._tasks:
            return
        under_way = set(self._tasks.values())
        if grace:
            await asyncio.wait(under_way, timeout=grace)
        await stopped(*under_way)

    async def _run(self, steered: Steered, command: Command) -> None:
        try:
            outcome = await _done(steered, command)
        except asyncio.CancelledError:
            self._tell(command, Outcome(False, "the call ended meanwhile", status=487))
            raise
        except ProviderError as error:
            outcome = Outcome(False, str(error), status=502)
        except Exception as error:  # one command that breaks must not end somebody's call
            log.exception("command_crashed", verb=command.verb, by=command.by)
            outcome = Outcome(False, f"internal error: {type(error).__name__}", status=500)
        self._tell(command, outcome)

    def _tell(self, command: Command, outcome: Outcome) -> None:
        self._answer(
            Commanded(
                id=command.id,
                ok=outcome.ok,
                detail=outcome.detail,
                status=outcome.status,
                data=dict(outcome.data),
            )
        )


async def _done(steered: Steered, command: Command) -> Outcome:
    call = steered.call
    kind = OUTSIDE.get(command.verb)
    if kind is None:
        return Outcome(False, f"there is no verb {command.verb}", status=404)
    try:
        verb = kind.model_validate(dict(command.arguments))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        return Outcome(False, f"{command.verb}: {key}: {first['msg']}", status=422)
    dest = getattr(verb, "dest", None)
    if isinstance(dest, str) and not (is_url(dest) or is_inline(dest) or dest in call.program):
        return Outcome(False, f"there is no section {dest!r} in this plan", status=404)
    call.emit(
        OutsideAsked,
        by=command.by,
        origin=command.origin,
        verb=command.verb,
        arguments=dict(command.arguments),
    )
    hands = CallControl(call, steered.policies, command.by, command.allowed, outside=True)
    outcome = await hands.do(verb)
    if outcome.ok and command.verb == HangupVerb.name:
        steered.course.hung_up = command.by
    if outcome.ok and not call.deserted:
        await _follow(steered, hands, outcome)
    return outcome


async def _follow(steered: Steered, hands: CallControl, outcome: Outcome) -> None:
    """What the verb did to the call is no longer what the plan thinks it does: it gives way."""
    agent = steered.call.live_agent
    if isinstance(outcome.flow, Leave):
        steered.course.divert(outcome.flow, hands)
    elif outcome.ends_talk and agent is not None:
        agent.leave()
        # whoever asks next is not to find it on its way out
        for _ in range(_LEAVES):
            if steered.call.live_agent is not agent:
                break
            await asyncio.sleep(0.01)
    elif outcome.ends_talk:
        steered.course.divert()
