"""Course: the plan as it runs, and where somebody outside the call sends it."""

import asyncio
from dataclasses import replace

from sipagent.call.control import CallControl
from sipagent.call.verb import Leave
from sipagent.verbs.flow import planned, run_from
from sipagent.verbs.waiting import stopped


class Course:
    """Runs the plan of one call to its end, then waits until parties put together have parted."""

    def __init__(self, control: CallControl) -> None:
        self._control = control
        self._walk: asyncio.Task[object] | None = None
        self._diverted = False
        self._next: tuple[CallControl, str] | None = (control, "main")

    async def run(self) -> None:
        """Follow the plan, wherever it is sent."""
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
