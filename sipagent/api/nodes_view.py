"""Nodes as everybody outside sees them: the servers of a cluster, and the bus between them."""

from datetime import datetime
from enum import StrEnum
from typing import Protocol

from pydantic import Field

from .calls import Shown


class NodeState(StrEnum):
    """How a node stands, as this one sees it. Where the bus is away nobody else can be seen."""

    UP = "up"
    DRAINING = "draining"
    NOT_READY = "not ready"
    LEFT = "left"
    GONE = "gone"
    UNKNOWN = "unknown"


class NodeView(Shown):
    """One node, by what it said last."""

    node: str
    state: NodeState
    why: str = Field(default="", description="why it takes no calls, or is not seen")
    version: str = ""
    started: datetime | None = None
    sip: str = Field(default="", description="host:port where the front and others reach it")
    api: str = Field(default="", description="its own HTTP door; empty: closed")
    calls: int = Field(default=0, description="that live on it")
    capacity: int = Field(default=0, description="calls it takes at once")
    registers: tuple[str, ...] = Field(
        default=(), description="trunks whose registration it holds for all"
    )
    heard_seconds: float = Field(default=0.0, description="since it was heard last")
    clock_seconds: float = Field(default=0.0, description="its clock ahead of this node's")


class BusView(Shown):
    """What nodes talk by, as this one sees it."""

    connected: bool
    why: str = Field(default="", description="why not")
    dropped: int = Field(default=0, description="messages of this node that nobody was told")


class NodesView(Shown):
    """The cluster, seen from one node."""

    node: str = Field(description="the one that answers")
    bus: BusView
    nodes: tuple[NodeView, ...] = Field(description="itself too, by name")


class Nodes(Protocol):
    """The cluster this server is a node of."""

    def view(self) -> NodesView:
        """As it stands now."""
        ...
