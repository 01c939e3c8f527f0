"""WorkerHandle: one worker process as the gateway sees it."""

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum

from sipagent.errors import SipAgentError

from .channel import Channel
from .protocol import Assign, Assignment, Down, Heard, Up

GatewayChannel = Channel[Down, Up]
#: events are acknowledged together, this often
_HEARD_SECONDS = 0.2


class WorkerState(StrEnum):
    """Where a worker is in its one life."""

    SPAWNED = "spawned"  #: asked of the zygote, not heard of yet
    IDLE = "idle"  #: can take a call
    ASSIGNED = "assigned"  #: has been given a call, whose INVITE must reach it
    CLAIMED = "claimed"  #: in its call
    AWAY = "away"  #: in a call of the gateway before us; must report
    FINISHING = "finishing"  #: its call is over, or it was told to quit; it must exit
    GONE = "gone"


MOVES: dict[WorkerState, frozenset[WorkerState]] = {
    WorkerState.SPAWNED: frozenset({WorkerState.IDLE, WorkerState.FINISHING, WorkerState.GONE}),
    WorkerState.IDLE: frozenset({WorkerState.ASSIGNED, WorkerState.FINISHING, WorkerState.GONE}),
    WorkerState.ASSIGNED: frozenset({WorkerState.CLAIMED, WorkerState.FINISHING, WorkerState.GONE}),
    WorkerState.CLAIMED: frozenset({WorkerState.FINISHING, WorkerState.GONE}),
    WorkerState.AWAY: frozenset(
        {WorkerState.ASSIGNED, WorkerState.CLAIMED, WorkerState.FINISHING, WorkerState.GONE}
    ),
    WorkerState.FINISHING: frozenset({WorkerState.GONE}),
    WorkerState.GONE: frozenset(),
}
IN_CALL = frozenset({WorkerState.ASSIGNED, WorkerState.CLAIMED, WorkerState.AWAY})


class WrongMove(SipAgentError):
    """A worker said something that its state does not allow."""


class Hearing:
    """Tells a worker up to where its events are safe: not for each, but soon."""

    def __init__(self, send: Callable[[Down], None]) -> None:
        self._send = send
        self._up_to = self._told = 0
        self._soon: asyncio.TimerHandle | None = None

    def upto(self, n: int) -> None:
        """Everything up to `n` is safe."""
        self._up_to = n
        if self._soon is None:
            self._soon = asyncio.get_running_loop().call_later(_HEARD_SECONDS, self.tell)

    def tell(self) -> None:
        """Say it now."""
        if self._soon is not None:
            self._soon.cancel()
            self._soon = None
        if self._up_to > self._told:
            self._told = self._up_to
            self._send(Heard(n=self._told))


class WorkerHandle:
    """State, address and channel of one worker. The supervisor alone moves it."""

    def __init__(self, token: str, spawned_at: float) -> None:
        self.token = token
        self.spawned_at = spawned_at  #: on the loop's clock
        self.state = WorkerState.SPAWNED
        self.pid: int | None = None
        #: the worker's SIP socket on loopback, known once it is ready
        self.address: tuple[str, int] | None = None
        self.assignment: Assignment | None = None
        self.channel: GatewayChannel | None = None
        self.hearing = Hearing(self.send)
        #: its call reached it
        self.claimed = False
        self.dead = False
        #: known of children of our zygote only
        self.exit_code: int | None = None
        #: why it ends, once that is decided; the first reason stands
        self.why: str | None = None
        #: pings sent since the last pong
        self.unanswered = 0
        #: it was sent SIGKILL, or will be as soon as its pid is known
        self.doomed = False
        self._timer: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        return f"<worker {self.token} pid={self.pid} {self.state}>"

    def move(self, state: WorkerState) -> None:
        """Go to a state and drop the deadline of the one before. Raises WrongMove."""
        if state not in MOVES[self.state]:
            raise WrongMove(f"{state} while {self.state}")
        self.state = state
        self.claimed = self.claimed or state is WorkerState.CLAIMED
        self.limit(None)

    def limit(self, seconds: float | None, then: Callable[[], None] | None = None) -> None:
        """Set the one deadline that runs, in place of any before; None sets none."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if seconds is not None and then is not None:
            self._timer = asyncio.get_running_loop().call_later(seconds, then)

    def assign(self, assignment: Assignment) -> None:
        """Give it its call. Raises ChannelError, and stays idle, when the plan is too big."""
        self.send(Assign(assignment=assignment))
        self.assignment = assignment
        self.move(WorkerState.ASSIGNED)

    def send(self, message: Down) -> None:
        """Say something to it; dropped when it is not, or no longer, connected."""
        if self.channel is not None:
            self.channel.send(message)

    def kill(self, why: str) -> None:
        """SIGKILL; while its pid is not known, `born` does it."""
        self.doomed = True
        self.why = self.why or why
        # A pid cannot belong to another process before its exit was reported.
        if self.pid is not None and not self.dead:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def born(self, pid: int) -> None:
        """The zygote forked it."""
        self.pid = pid
        if self.doomed and self.why is not None:
            self.kill(self.why)

    @property
    def orderly(self) -> bool:
        """It ended by itself, because it was done or told to."""
        return self.why in ("finished", "quit")

    @property
    def verdict(self) -> str:
        """Why it went, in the words that go on record."""
        if self.why is not None:
            return self.why
        if self.exit_code is None:
            return "crashed: its channel was lost"
        if self.exit_code < 0:
            return f"crashed: signal {-self.exit_code}"
        return f"crashed: exit {self.exit_code}"
