"""Looking at a cluster from beside it: who says on NATS that they live."""

import asyncio
import time

from sipagent.api.nodes_view import NodeView
from sipagent.config import Nats

from .bus import Bus, BusAway
from .nodes import BEATS, EVERY, Beat, Presence

#: seconds for a connection
_PATIENCE = 5.0


async def look(settings: Nats, seconds: float = 1.5 * EVERY) -> tuple[NodeView, ...]:
    """The nodes that are heard within so many seconds, by name. Raises BusAway."""
    now = asyncio.get_running_loop().time
    presence, bus = Presence("", ""), Bus(settings, "sipagent cluster nodes")
    connected = asyncio.Event()

    def changed(there: bool) -> None:
        presence.hears(there, now())
        connected.set()

    def heard(beat: Beat) -> None:
        presence.heard(beat, now())

    bus.changed = changed
    bus.subscribe(BEATS, Beat, heard)
    bus.start()
    try:
        async with asyncio.timeout(_PATIENCE):
            await connected.wait()
        await asyncio.sleep(seconds)
        mine = Beat(node="", boot="", clock=time.time_ns() // 1000)
        return tuple(view for view in presence.views(mine, now(), bus.why_away) if view.node)
    except TimeoutError as error:
        raise BusAway(f"NATS cannot be reached: {bus.why_away}") from error
    finally:
        await bus.close()
