"""/v1/webrtc: calls from web pages and to them, by one offer and one answer (RFC 9725)."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response, StreamingResponse

from sipagent.config import Scope

from .audit import Audit
from .browsers import Browsers, Guest, NotAnOffer, PhoneSettings, Ringing
from .calls import Denied, NotUnderstood, OutsideError
from .doors import client_of, needs
from .streams import SSE

CALL: Scope = "webrtc:call"
SDP = "application/sdp"
#: between signs of life of a stream that has nothing to say, seconds
_ALIVE = 15.0


class WrongType(OutsideError):
    """The body is of another media type."""

    status, kind = 415, "wrong-type"


To = Annotated[
    str | None, Query(max_length=128, description="number to call, as a phone would dial it")
]
Ring = Annotated[str | None, Query(max_length=64, description="the ring to answer, instead")]
ListenName = Annotated[
    str, Query(pattern=r"^[A-Za-z0-9_.+-]{1,64}$", description="callers reach it as web:NAME")
]
_BODY = {
    "requestBody": {
        "required": True,
        "content": {SDP: {"schema": {"type": "string", "description": "the page's offer"}}},
    },
    "responses": {
        "201": {"description": "our answer", "content": {SDP: {}}},
        **{status: {} for status in ("404", "410", "415", "504")},
    },
}


def router(browsers: Browsers, audit: Audit) -> APIRouter:
    """The routes."""
    v1 = APIRouter(prefix="/v1/webrtc", tags=["webrtc"], dependencies=[Depends(needs(CALL))])
    _calling(v1, browsers, audit)
    _listening(v1, browsers, audit)
    return v1


def _calling(v1: APIRouter, browsers: Browsers, audit: Audit) -> None:
    @v1.get("")
    async def get_settings(request: Request) -> PhoneSettings:
        """What a page has to know before it calls: STUN and TURN servers."""
        return browsers.settings(_guest(request))

    @v1.post("", status_code=201, response_class=Response, openapi_extra=_BODY)
    async def call(request: Request, to: To = None, ring: Ring = None) -> Response:
        """Call a number from a page, or answer a ring: the offer is the body."""
        guest = _guest(request)
        if (to is None) == (ring is None):
            raise NotUnderstood("give a number, or the ring that is answered", "to")
        offer = await _offer(request)
        act = "webrtc call" if ring is None else "webrtc answer"
        try:
            if ring is None:
                made = await browsers.call(to or "", offer, guest)
            else:
                made = await browsers.answer(ring, offer, guest)
        except OutsideError as error:
            audit.note(guest.by, guest.origin, act, "", f"refused: {error.status} {error}"[:300])
            raise
        audit.note(guest.by, guest.origin, act, made.call_id, "ok")
        headers = {"location": f"/v1/webrtc/{made.session}", "sipagent-call": made.call_id}
        return Response(made.answer, 201, headers, SDP)

    @v1.delete("/{session}", status_code=204)
    async def hang_up(session: str, request: Request) -> None:
        """Hang up: the Location of the call."""
        guest = _guest(request)
        call_id = browsers.hang_up(session, guest)
        audit.note(guest.by, guest.origin, "webrtc hangup", call_id, "ok")


def _listening(v1: APIRouter, browsers: Browsers, audit: Audit) -> None:
    @v1.get("/listen", response_class=StreamingResponse, openapi_extra=SSE)
    async def listen(name: ListenName, request: Request) -> Response:
        """Be reachable as web:NAME: server-sent events `ring` and `over` while it is open."""
        guest = _guest(request)
        if guest.client.listen is not None and name not in guest.client.listen:
            raise Denied(f"the token {guest.client.name} may not be called as {name}")
        audit.note(guest.by, guest.origin, f"webrtc listen {name}", "", "ok")
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        stream = _as_sse(browsers.listen(name, guest))
        return StreamingResponse(stream, headers=headers, media_type="text/event-stream")

    @v1.delete("/rings/{ring}", status_code=204, openapi_extra={"responses": {"410": {}}})
    async def decline(ring: str, request: Request) -> None:
        """Decline a ring: the caller hears that we are busy, unless another page rings, too."""
        browsers.decline(ring, _guest(request))


def _guest(request: Request) -> Guest:
    return Guest(client_of(request), request.client.host if request.client is not None else "")


async def _offer(request: Request) -> str:
    """Raises WrongType, NotAnOffer."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != SDP:
        raise WrongType(f"an offer is {SDP}, not {kind or 'nothing'}")
    try:
        return (await request.body()).decode()
    except UnicodeDecodeError as error:
        raise NotAnOffer("SDP is UTF-8") from error


async def _as_sse(rings: AsyncIterator[Ringing | None]) -> AsyncIterator[str]:
    """`ring {ring, caller}` and `over {ring, reason}`."""
    following = asyncio.ensure_future(anext(rings))
    try:
        while True:
            done, _ = await asyncio.wait({following}, timeout=_ALIVE)
            if not done:
                yield ": alive\n\n"
                continue
            item = following.result()
            following = asyncio.ensure_future(anext(rings))
            if item is None:
                yield ": listening\n\n"
                continue
            said = {"ring": item.ring, "caller": item.caller, "reason": item.reason}
            kind = "over" if item.over else "ring"
            yield f"event: {kind}\ndata: {json.dumps(said)}\n\n"
    finally:
        following.cancel()
        with suppress(asyncio.CancelledError, OutsideError, StopAsyncIteration):
            await following
