"""/v1/retention, /v1/erasures and holds: how long records stay, and having one caller's removed."""

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from sipagent.config import Scope
from sipagent.errors import SipAgentError

from .doors import Doors, needs, principal_of
from .keeping import Certificate, ErasureWish, HoldView, HoldWish, Keeper, RetentionView

READ: Scope = "records:read"
CONTROL: Scope = "records:control"


def router(doors: Doors) -> APIRouter:
    """The routes."""
    made = APIRouter(prefix="/v1", dependencies=[Depends(needs(READ))], tags=["records"])
    if doors.keeper is not None:
        _looking(made, doors.keeper)
        _holding(made, doors, doors.keeper)
        _erasing(made, doors, doors.keeper)
    return made


def _looking(made: APIRouter, keeper: Keeper) -> None:
    @made.get("/retention")
    async def get_retention() -> RetentionView:
        """How long what is kept, what is due now and soon, and which calls are on hold."""
        return await keeper.retention()


def _holding(made: APIRouter, doors: Doors, keeper: Keeper) -> None:
    audit = doors.calls.audit

    @made.put("/records/{call_id}/hold", dependencies=[Depends(needs(CONTROL))])
    async def hold(call_id: str, wish: HoldWish, request: Request) -> HoldView:
        """Put a call on legal hold: no rule and no erasure removes anything of it."""
        who = principal_of(request)
        held = await keeper.hold(call_id, wish, who)
        audit.note(who.by, who.origin, "hold", call_id, "ok")
        return held

    @made.delete("/records/{call_id}/hold", status_code=204, dependencies=[Depends(needs(CONTROL))])
    async def release(call_id: str, request: Request) -> Response:
        """Take a call off legal hold."""
        who = principal_of(request)
        await keeper.release(call_id)
        audit.note(who.by, who.origin, "release", call_id, "ok")
        return Response(status_code=204)


def _erasing(made: APIRouter, doors: Doors, keeper: Keeper) -> None:
    audit = doors.calls.audit

    @made.post("/erasures", dependencies=[Depends(needs(CONTROL))], responses={409: {}})
    async def erase(wish: ErasureWish, request: Request) -> Certificate:
        """Remove all that is known of one caller, everywhere; the answer counts what that was."""
        who = principal_of(request)
        act = "look for a caller" if wish.dry_run else "erase a caller"
        try:
            done = await keeper.erase(wish, who)
        except SipAgentError as error:
            audit.note(who.by, who.origin, act, "", f"error: {type(error).__name__}")
            raise
        audit.note(who.by, who.origin, act, "", f"ok: {done.id}, {done.calls} calls")
        return done
