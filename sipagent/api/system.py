"""/v1: the server itself: its trunks, phones and dialplans, and having them read again."""

import asyncio
from typing import Any

from fastapi import APIRouter, Depends, Request

from sipagent.config import Scope

from .calls import NotUnderstood, OutsideError
from .doors import Doors, needs, principal_of
from .operating import (
    LONGEST_DOCUMENT,
    Checked,
    Dialplans,
    Draining,
    Drains,
    Phones,
    PlanGraph,
    Reloaded,
    Status,
    System,
    Trunks,
)

READ: Scope = "system:read"
CONTROL: Scope = "system:control"
_DOCUMENT: Any = {"schema": {"type": "string"}}
_BODY = {
    "requestBody": {
        "required": True,
        "description": "a dialplan, YAML or JSON",
        "content": {"application/yaml": _DOCUMENT, "text/plain": _DOCUMENT},
    }
}


class TooLong(OutsideError):
    """A document longer than this server checks."""

    status, kind = 413, "too-big"


def router(doors: Doors) -> APIRouter:
    """The routes."""
    made = APIRouter(prefix="/v1", dependencies=[Depends(needs(READ))], tags=["system"])
    if doors.drains is not None:
        _emptying(made, doors, doors.drains)
    if doors.system is not None:
        _looking(made, doors.system)
        _acting(made, doors, doors.system)
    return made


def _looking(made: APIRouter, system: System) -> None:
    @made.get("/status")
    async def get_status() -> Status:
        """The server: version, calls, workers, limits, bans."""
        return system.status()

    @made.get("/system/drain")
    async def get_draining() -> Draining:
        """Is this server being emptied, and how many calls live yet?"""
        return system.draining()

    @made.get("/trunks")
    async def list_trunks() -> Trunks:
        """Trunks: registered or why not, up or down, calls through each."""
        return Trunks(trunks=tuple(system.trunks()))

    @made.get("/phones")
    async def list_phones() -> Phones:
        """Phones of ours, and where each can be reached."""
        return Phones(phones=tuple(system.phones()))

    @made.get("/dialplans")
    async def list_dialplans() -> Dialplans:
        """Dialplans: which calls each takes, and what is wrong with its file."""
        return system.dialplans()

    @made.get("/dialplans/{name}/graph")
    async def get_graph(name: str) -> PlanGraph:
        """A dialplan in force as a graph: routes, sections, agents, their steps, and parties."""
        return await system.graph(name)


def _emptying(made: APIRouter, doors: Doors, drains: Drains) -> None:
    audit = doors.calls.audit

    @made.get("/nodes/{node}/drain")
    async def get_node_draining(node: str, request: Request) -> Draining:
        """Is that node being emptied, and how many calls live on it yet?"""
        return await drains.order(node, "look", principal_of(request).by)

    @made.post("/nodes/{node}/drain", dependencies=[Depends(needs(CONTROL))])
    async def drain_node(node: str, request: Request) -> Draining:
        """Have that node take no new call. Live calls go on to their own end."""
        who = principal_of(request)
        audit.note(who.by, who.origin, f"drain {node}", "", "asked")
        return await drains.order(node, "drain", who.by)

    @made.post("/nodes/{node}/undrain", dependencies=[Depends(needs(CONTROL))])
    async def undrain_node(node: str, request: Request) -> Draining:
        """Have that node take calls again."""
        who = principal_of(request)
        audit.note(who.by, who.origin, f"undrain {node}", "", "asked")
        return await drains.order(node, "undrain", who.by)


def _acting(made: APIRouter, doors: Doors, system: System) -> None:
    audit = doors.calls.audit

    @made.post("/dialplans/check", dependencies=[Depends(needs(CONTROL))], openapi_extra=_BODY)
    async def check_dialplan(request: Request) -> Checked:
        """Check a document as `sipagent check` does. It is never loaded."""
        body = await request.body()
        if len(body) > LONGEST_DOCUMENT:
            raise TooLong(f"at most {LONGEST_DOCUMENT} bytes are checked")
        try:
            document = body.decode()
        except UnicodeDecodeError as error:
            raise NotUnderstood("not UTF-8", "body") from error
        return await system.check(document)

    @made.post("/system/drain", dependencies=[Depends(needs(CONTROL))])
    async def drain(request: Request) -> Draining:
        """Take no new call: 503, also to OPTIONS. Live calls go on to their own end."""
        who = principal_of(request)
        audit.note(who.by, who.origin, "drain", "", "ok")
        return await system.drain()

    @made.post("/system/undrain", dependencies=[Depends(needs(CONTROL))])
    async def undrain(request: Request) -> Draining:
        """Take calls again."""
        who = principal_of(request)
        audit.note(who.by, who.origin, "undrain", "", "ok")
        return await system.undrain()

    @made.post("/reload", dependencies=[Depends(needs(CONTROL))])
    async def reload(request: Request) -> Reloaded:
        """Read settings, dialplans and certificates again, as `sipagent reload` does."""
        who = principal_of(request)
        try:
            report = await system.reload()
        except asyncio.CancelledError:
            audit.note(who.by, who.origin, "reload", "", "goes on without whoever asked")
            raise
        outcome = "ok" if report.ok else f"problem: {report.problem or 'findings in dialplans'}"
        audit.note(who.by, who.origin, "reload", "", outcome)
        return report
