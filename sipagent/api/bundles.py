"""Bundles by HTTP: a call that is over, as one zip, sent while it is made."""

from typing import Annotated, get_args

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import StreamingResponse

from sipagent.config import Scope
from sipagent.store.archive import Piece, pieces

from .calls import NotUnderstood
from .doors import Doors, needs, principal_of
from .packer import Packer

READ: Scope = "records:read"
_PIECES = ", ".join(get_args(Piece))
Without = Annotated[str, Query(max_length=200, description=f"leave out, with commas: {_PIECES}")]
Redact = Annotated[
    bool, Query(description="take out numbers, addresses and keys by every rule, and the sound")
]


def router(doors: Doors) -> APIRouter:
    """The route."""
    v1 = APIRouter(prefix="/v1", dependencies=[Depends(needs(READ))])
    if doors.packer is not None:
        _packing(v1, doors, doors.packer)
    return v1


def _packing(v1: APIRouter, doors: Doors, packer: Packer) -> None:
    @v1.get(
        "/calls/{call_id}/bundle",
        tags=["calls"],
        response_class=StreamingResponse,
        responses={200: {"content": {"application/zip": {}}}, 409: {}},
    )
    async def get_bundle(
        call_id: str, request: Request, without: Without = "", redact: Redact = False
    ) -> StreamingResponse:
        """A call that is over as one zip: record, sound, SIP ladder, plan, models' answers."""
        try:
            wanted = pieces(without)
        except ValueError as error:
            raise NotUnderstood(str(error), "query.without") from error
        packed = await packer.pack(call_id, wanted, redact=redact)
        who = principal_of(request)
        doors.calls.audit.note(who.by, who.origin, "bundle", call_id, "ok")
        name = "".join(c if c.isalnum() or c in "-_." else "_" for c in call_id)
        return StreamingResponse(
            packed,
            media_type="application/zip",
            headers={"content-disposition": f'attachment; filename="{name}.zip"'},
        )
