"""Course: the plan as it runs, and where somebody outside the call sends it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from sipagent.call.control import CallControl
from sipagent.call.verb import Leave, Outcome
from sipagent.tasks import stopped
from sipagent.verbs.flow import planned, run_from


class Course:
    """Runs the plan of one call to its end, then waits until parties put together have parted.

    `before` has to succeed first: in a call that goes out, somebody has to answer.
    """

    def __init__(self, control: CallControl, section: str = "main") -> None:
        self._control = control
        self.before: Callable[[], Awaitable[Outcome]] | None = None
        self._walk: asyncio.Task[object] | None = None
        self._diverted = False
        self._next: tuple[CallControl, str] | None = (control, section)
        #: who ended the call from outside, if somebody did
        self.hung_up = ""
        #: why the plan did not begin, where `before` failed
        self.failed: Outcome | None = None

    async def run(self) -> None:
        """Follow the plan, wherever it is sent."""
        if self.before is not None:
            begun = await self.before()
            if not begun.ok:
                self.failed = begun
                return
        while self._next is not None:
            (control, section), self._next, self._diverted = self._next, None, False
            self._walk = asyncio.ensure_future(run_from(control, section))
            try:
                await asyncio.wait({self._walk})
            finally:
                await stopped(self._walk)
            if not self._diverted:
                self._walk.result()
        await self._control.call.until_parted()

    def divert(self, leave: Leave | None = None, hands: CallControl | None = None) -> None:
        """Leave the step that runs, whatever it does, and go on where `leave` says; None: nowhere.

        A document that `hands` brought runs in their name, and may do no more than they.
        """
        self._diverted, self._next = True, None
        if leave is not None:
            control = self._control
            if leave.document is not None and hands is not None:
                control = replace(planned(hands), document=leave.document)
            self._next = (control, leave.section)
        if self._walk is not None:
            self._walk.cancel()
