"""/v1: live calls by HTTP. Every verb's route is made from its fields."""

import asyncio
from collections.abc import Coroutine
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Header, Query, Request, WebSocket
from starlette.responses import Response, StreamingResponse

from sipagent.call.verb import Outcome, Verb
from sipagent.config import Scope
from sipagent.tasks import stopped
from sipagent.verbs.outside import OUTSIDE

from .calls import Calls, CallView, Done, NotUnderstood, Origination, OutsideError, Transcript
from .doors import Doors, needs, principal_of
from .sending import sent
from .streams import SSE, Streams

READ: Scope = "calls:read"
CONTROL: Scope = "calls:control"
ORIGINATE: Scope = "calls:originate"


class NoRecording(OutsideError):
    """The call has no such recording, or it is not finished."""

    status, kind = 404, "no-recording"


#: a part of a file is asked for, and may not be there (RFC 9110 section 14)
_RANGES = {
    "responses": {
        "200": {"description": "the file", "content": {"audio/*": {}}},
        "206": {"description": "what was asked for of it", "content": {"audio/*": {}}},
        "416": {},
    }
}

After = Annotated[
    int | None, Query(ge=0, description="number of the last event seen; default: from now on")
]
Types = Annotated[str, Query(max_length=1000, description="only these, e.g. said,call_ended")]
LastId = Annotated[str | None, Header(alias="last-event-id")]


def router(doors: Doors) -> APIRouter:
    """The routes."""
    v1 = APIRouter(prefix="/v1", dependencies=[Depends(needs(READ))])
    _reading(v1, doors)
    _following(v1, doors)
    _acting(v1, doors)
    return v1


def _reading(v1: APIRouter, doors: Doors) -> None:
    calls = doors.calls

    @v1.get("/calls", tags=["calls"])
    async def list_calls() -> Calls:
        """The calls that live."""
        return await calls.list()

    @v1.get("/calls/{call_id}", tags=["calls"])
    async def get_call(call_id: str) -> CallView:
        """One call, live or on record."""
        return await calls.get(call_id)

    @v1.get("/calls/{call_id}/transcript", tags=["calls"])
    async def get_transcript(call_id: str) -> Transcript:
        """Who said what so far."""
        return Transcript(call_id=call_id, lines=tuple(await calls.transcript(call_id)))

    @v1.get(
        "/calls/{call_id}/recordings/{name}",
        tags=["calls"],
        response_class=StreamingResponse,
        openapi_extra=_RANGES,
    )
    async def get_recording(call_id: str, name: str, request: Request) -> Response:
        """A finished recording; takes Range."""
        file = await calls.recording(call_id, name)
        if file is None:
            raise NoRecording(f"the call has no finished recording {name!r}")
        return await sent(file, request)


def _following(v1: APIRouter, doors: Doors) -> None:
    calls, streams = doors.calls, Streams(doors.calls, doors.streams)

    @v1.get("/events", tags=["events"], response_class=StreamingResponse, openapi_extra=SSE)
    async def all_events(after: After = None, types: Types = "", last: LastId = None) -> Response:
        """Events of all calls as server-sent events."""
        return streams.sse(None, _number(after, last), _types(types))

    @v1.get(
        "/calls/{call_id}/events",
        tags=["events"],
        response_class=StreamingResponse,
        openapi_extra=SSE,
    )
    async def call_events(
        call_id: str, after: After = None, types: Types = "", last: LastId = None
    ) -> Response:
        """Events of one call as server-sent events; the stream ends with the call."""
        await calls.get(call_id)
        return streams.sse(call_id, _number(after, last), _types(types))

    @v1.websocket("/events")
    async def all_by_socket(socket: WebSocket, after: After = None, types: Types = "") -> None:
        await streams.websocket(socket, None, after, _types(types))

    @v1.websocket("/calls/{call_id}/events")
    async def call_by_socket(
        socket: WebSocket, call_id: str, after: After = None, types: Types = ""
    ) -> None:
        await streams.websocket(socket, call_id, after, _types(types))


def _acting(v1: APIRouter, doors: Doors) -> None:
    calls = doors.calls

    @v1.post("/calls", tags=["calls"], status_code=201, dependencies=[Depends(needs(ORIGINATE))])
    async def originate(wish: Origination, request: Request) -> CallView:
        """Call somebody; the answer comes once the INVITE is on its way."""
        return await calls.originate(wish, principal_of(request))

    for name, verb in OUTSIDE.items():
        v1.add_api_route(
            f"/calls/{{call_id}}/verbs/{name}",
            _act(doors, name, verb),
            methods=["POST"],
            tags=["verbs"],
            operation_id=f"verb_{name}",
            summary=name.replace("_", " "),
            description=" ".join((verb.__doc__ or name).split()),
            dependencies=[Depends(needs(CONTROL))],
        )

    @v1.post("/calls/{call_id}/verbs/{name}", include_in_schema=False)
    async def unknown(call_id: str, name: str) -> Done:
        raise NotUnderstood(f"there is no verb {name!r} for live calls; there are {_names()}")


def _act(doors: Doors, name: str, verb: type[Verb]) -> Any:
    """The endpoint of one verb."""

    async def act(call_id: str, request: Request, body: Verb) -> Done:
        arguments = body.model_dump(mode="json", by_alias=True, exclude_unset=True)
        work = doors.calls.do(call_id, name, arguments, principal_of(request))
        return Done.of(await _while_wanted(request, work))

    # what the framework reads, for the check and for the document
    act.__annotations__["body"] = Annotated[verb, Body()]
    return act


async def _while_wanted(request: Request, work: Coroutine[Any, Any, Outcome]) -> Outcome:
    """The outcome. A client that leaves does not want it any more: it is stopped then."""
    doing, gone = asyncio.ensure_future(work), asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({doing, gone}, return_when=asyncio.FIRST_COMPLETED)
        return doing.result() if doing.done() else Outcome(False, "the client left", status=487)
    finally:
        await stopped(doing, gone)


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _names() -> str:
    return ", ".join(sorted(OUTSIDE))


def _number(after: int | None, last: str | None) -> int | None:
    """Where a stream goes on: what a browser's EventSource says when it comes back wins."""
    if last is not None:
        if not last.isdigit() or len(last) > 18:
            raise NotUnderstood("not a number of an event", "Last-Event-ID")
        return int(last)
    return after


def _types(text: str) -> frozenset[str]:
    return frozenset(filter(None, text.split(",")))
