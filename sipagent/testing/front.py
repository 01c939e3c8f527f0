"""Front: Debian's Kamailio with the configuration that `sipagent cluster kamailio` makes."""

from collections.abc import Mapping
from typing import Any

from sipagent.cluster.kamailio import CONFIGURATION, NODES, Layout, files

from .kamailio import Kamailio


def front(nodes: Mapping[str, str], *, port: int | None = None, **layout: Any) -> Kamailio:
    """`async with front({"a": "127.0.0.11:5060"}) as kamailio:`; `layout` are fields of `Layout`.
    It logs to its own log.
    """
    wanted = {"ping_seconds": 1, "patience_ms": 1000, **layout}
    made = files(Layout(nodes=nodes, front="127.0.0.1:PORT", run="RUNDIR", etc="RUNDIR", **wanted))
    return Kamailio(
        made[CONFIGURATION],
        port=port,
        beside={NODES: made[NODES]},
        control="kamailio_ctl",
    )
