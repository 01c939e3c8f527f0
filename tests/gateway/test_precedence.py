"""In a call the library's threads, which move sound, come before those of Python."""

import os
from pathlib import Path
from typing import Literal

import pytest

from sipagent.config import Media
from sipagent.media.precedence import NICENESS, may_run_ahead
from sipagent.testing.phone import Phone
from sipagent.testing.server import running
from sipagent.testing.sounding import dial, plan

PLAN = plan("100", "- answer\n- ai: {agent: echo}", "agents: {echo: {brain: {provider: echo}}}")
#: one waits for RTP, one is the conference's clock, one tells of events
OF_THE_LIBRARY = 3


@pytest.mark.slow
@pytest.mark.parametrize("priority", ["auto", "normal"])
async def test_only_what_moves_sound_comes_before_the_rest(
    tmp_path: Path, priority: Literal["auto", "normal"]
) -> None:
    wanted = OF_THE_LIBRARY if priority == "auto" and may_run_ahead() else 0
    media = Media(priority=priority)
    async with running(tmp_path, PLAN, media=media) as server, Phone(user="alice") as alice:
        call = await dial(alice, server, "100")
        pid = server.worker(call.id).pid
        assert pid is not None
        threads = [int(task.name) for task in Path(f"/proc/{pid}/task").iterdir()]
        ahead = [t for t in threads if os.getpriority(os.PRIO_PROCESS, t) == NICENESS]
        assert len(ahead) == wanted
        assert pid not in ahead
        assert len(threads) > OF_THE_LIBRARY
        await call.hangup()
        await server.ended()
