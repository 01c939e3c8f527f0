"""/v1/nodes: the servers of a cluster, where this one is a node of it."""

from fastapi import APIRouter, Depends

from sipagent.config import Scope

from .doors import Doors, needs
from .nodes_view import NodesView

READ: Scope = "system:read"


def router(doors: Doors) -> APIRouter:
    """The route, where there is a cluster."""
    made = APIRouter(prefix="/v1", dependencies=[Depends(needs(READ))], tags=["system"])
    nodes = doors.nodes
    if nodes is not None:

        @made.get("/nodes")
        async def get_nodes() -> NodesView:
            """The nodes of the cluster: who lives, how many calls each has, and the bus."""
            return nodes.view()

    return made
