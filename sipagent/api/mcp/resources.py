"""Resources of the MCP server: calls, transcripts, events and recordings, by call:// URIs."""

import asyncio
import json
from typing import Any

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError

from sipagent.errors import SipAgentError
from sipagent.store.vault import Stored, VaultError

from ..calls import Transcript, UnknownCall
from ..streams import as_json
from .desk import Desk

ACTIVE = "call://active"
#: parts of a call that are resources of their own
PARTS = ("transcript", "events", "recording")
#: events in one reading, the newest; older ones are had by the HTTP API
_EVENTS = 500
#: bytes of a recording in one reading; above, it is had by the HTTP API
_LARGEST = 16_000_000
_JSON = "application/json"


def offer(server: MCPServer[Any], desk: Desk) -> None:
    """All of them."""
    _states(server, desk)
    _records(server, desk)


def _states(server: MCPServer[Any], desk: Desk) -> None:
    @server.resource(ACTIVE, mime_type=_JSON)
    async def active_calls() -> str:
        """The calls that live now."""
        return (await desk.calls.list()).model_dump_json()

    @server.resource("call://{call_id}", mime_type=_JSON)
    async def call(call_id: str) -> str:
        """One call as it is now, or as it ended."""
        try:
            return (await desk.calls.get(call_id)).model_dump_json()
        except SipAgentError as error:
            raise _told(error) from error

    @server.resource("call://{call_id}/transcript", mime_type=_JSON)
    async def transcript(call_id: str) -> str:
        """Who said what so far."""
        try:
            lines = await desk.calls.transcript(call_id)
        except SipAgentError as error:
            raise _told(error) from error
        return Transcript(call_id=call_id, lines=tuple(lines)).model_dump_json()


def _records(server: MCPServer[Any], desk: Desk) -> None:
    @server.resource("call://{call_id}/events", mime_type=_JSON)
    async def events(call_id: str) -> str:
        """What happened in a call, numbered: the newest 500 events so far."""
        try:
            known = (await desk.calls.get(call_id)).last_event
            found = []
            if known:
                async for item in desk.calls.events(call_id, max(0, known - _EVENTS)):
                    found.append(as_json(item))
                    if item.seq >= known:
                        break
        except SipAgentError as error:
            raise _told(error) from error
        return json.dumps({"call_id": call_id, "events": found})

    @server.resource("call://{call_id}/recording", mime_type="audio/wav")
    async def recording(call_id: str) -> bytes:
        """The newest finished recording of a call."""
        try:
            file = await desk.calls.recording(call_id)
        except SipAgentError as error:
            raise _told(error) from error
        if file is None:
            raise ResourceNotFoundError("the call has no finished recording yet")
        if file.size > _LARGEST:
            raise ResourceError("the recording is too long for this: take it by the HTTP API")
        try:
            return await asyncio.to_thread(_content, file)
        except (OSError, VaultError) as error:
            raise ResourceError(str(error)) from error


def _content(file: Stored) -> bytes:
    with file.open() as sound:
        return sound.read()


def _told(error: SipAgentError) -> ResourceError:
    kind = ResourceNotFoundError if isinstance(error, UnknownCall) else ResourceError
    return kind(str(error))
