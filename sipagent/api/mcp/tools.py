"""Tools of the MCP server: one for each thing somebody wants of a live call."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import ToolAnnotations
from pydantic import Field

from sipagent.errors import SipAgentError

from ..calls import Calls, CallView, Done, Origination, Transcript
from .desk import Desk

_READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
#: they reach people and networks beyond this server
_ACTS = ToolAnnotations(read_only_hint=False, destructive_hint=False, open_world_hint=True)
_SETS = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)
_ENDS = ToolAnnotations(
    read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=True
)

CallId = Annotated[str, Field(description="as list_calls tells it", max_length=128)]


def offer(server: MCPServer[Any], desk: Desk) -> None:
    """All of them."""
    _reading(server, desk)
    _beginning_and_ending(server, desk)
    _parties(server, desk)
    _sounds(server, desk)
    _recordings(server, desk)
    _agents(server, desk)


def _reading(server: MCPServer[Any], desk: Desk) -> None:
    @server.tool(annotations=_READS)
    async def list_calls(context: Context) -> Calls:
        """The phone calls that live now: who with whom, since when, in which state."""
        desk.who(context, "calls:read")
        return await desk.calls.list()

    @server.tool(annotations=_READS)
    async def get_call(call_id: CallId, context: Context) -> CallView:
        """One call as it is now, or as it ended."""
        desk.who(context, "calls:read")
        try:
            return await desk.calls.get(call_id)
        except SipAgentError as error:
            raise ToolError(str(error)) from error

    @server.tool(annotations=_READS)
    async def get_transcript(call_id: CallId, context: Context) -> Transcript:
        """Who said what in a call so far."""
        desk.who(context, "calls:read")
        try:
            lines = await desk.calls.transcript(call_id)
        except SipAgentError as error:
            raise ToolError(str(error)) from error
        return Transcript(call_id=call_id, lines=tuple(lines))


def _beginning_and_ending(server: MCPServer[Any], desk: Desk) -> None:
    @server.tool(annotations=_ACTS)
    async def originate_call(
        to: Annotated[str, Field(description="number, phone or SIP URI to call")],
        context: Context,
        *,
        plan: Annotated[str, Field(description="the dialplan that runs when they answer")] = "",
        section: str = "main",
        agent: Annotated[str, Field(description="an agent of the plan, not a section")] = "",
        variables: Mapping[str, Any] | None = None,
        caller_id: str | None = None,
        timeout: Annotated[float, Field(gt=0, le=600, description="seconds of ringing")] = 30,
    ) -> CallView:
        """Call somebody. The answer comes as soon as their phone is being called; follow the call
        by its id.
        """
        who = desk.who(context, "calls:originate")
        wish = Origination(
            to=to,
            plan=plan,
            section=section,
            agent=agent,
            variables=variables or {},
            caller_id=caller_id,
            timeout=timeout,
        )
        try:
            return await desk.calls.originate(wish, who)
        except SipAgentError as error:
            raise ToolError(str(error)) from error

    @server.tool(annotations=_SETS)
    async def answer_call(call_id: CallId, context: Context) -> Done:
        """Answer a caller whose call still rings."""
        return await desk.act(context, call_id, "answer", {})

    @server.tool(annotations=_ENDS)
    async def reject_call(
        call_id: CallId, context: Context, reason: Literal["busy", "decline"] = "busy"
    ) -> Done:
        """Refuse a caller whose call still rings."""
        return await desk.act(context, call_id, "hangup", {"reason": reason})

    @server.tool(annotations=_ENDS)
    async def hangup_call(call_id: CallId, context: Context) -> Done:
        """End a call."""
        return await desk.act(context, call_id, "hangup", {})


def _parties(server: MCPServer[Any], desk: Desk) -> None:
    @server.tool(annotations=_ACTS)
    async def transfer_call(
        call_id: CallId,
        context: Context,
        *,
        to: Annotated[
            str | None, Field(description="number or SIP URI to put the caller through to")
        ] = None,
        section: Annotated[
            str | None, Field(description="or a section of the call's own dialplan")
        ] = None,
        mode: Annotated[
            Literal["bridge", "refer", "attended", "warm"] | None,
            Field(description="default: bridge, or warm with a brief"),
        ] = None,
        brief: Annotated[
            str | None, Field(description="said to whoever answers, who then accepts or refuses")
        ] = None,
        timeout: Annotated[float | None, Field(description="seconds of ringing")] = None,
    ) -> Done:
        """Put the caller through to somebody else. The result is how it really came out: the other
        side's final SIP answer.
        """
        wish = {"to": to, "dest": section, "mode": mode, "brief": brief, "timeout": timeout}
        return await desk.act(context, call_id, "transfer", wish)

    @server.tool(annotations=_SETS)
    async def hold_call(
        call_id: CallId,
        context: Context,
        timeout: Annotated[float, Field(gt=0, le=3600, description="seconds at most")] = 300,
    ) -> Done:
        """Put the caller on hold, with music."""
        return await desk.act(context, call_id, "hold", {"timeout": timeout})

    @server.tool(annotations=_SETS)
    async def unhold_call(call_id: CallId, context: Context) -> Done:
        """Take the caller back from hold."""
        return await desk.act(context, call_id, "resume", {})


def _sounds(server: MCPServer[Any], desk: Desk) -> None:
    @server.tool(annotations=_ACTS)
    async def send_dtmf(
        call_id: CallId,
        digits: Annotated[str, Field(description="keys 0-9 * # A-D; w waits half a second")],
        context: Context,
        to: Annotated[
            Literal["caller", "other"],
            Field(description="other: whom the caller is put through to"),
        ] = "caller",
    ) -> Done:
        """Press keys towards a party."""
        return await desk.act(context, call_id, "send_digits", {"digits": digits, "to": to})

    @server.tool(annotations=_ACTS)
    async def play(
        call_id: CallId,
        urls: Annotated[
            list[str],
            Field(min_length=1, max_length=20, description="files, https: URLs, say:, ring:"),
        ],
        context: Context,
    ) -> Done:
        """Play sounds to the caller; returns when they were heard."""
        return await desk.act(context, call_id, "play", {"urls": urls})

    @server.tool(annotations=_ACTS)
    async def say(
        call_id: CallId,
        text: Annotated[str, Field(min_length=1, max_length=4000)],
        context: Context,
    ) -> Done:
        """Say these words to the caller, in the agent's voice while one talks; returns when they
        were heard.
        """
        return await desk.act(context, call_id, "say", {"text": text})


def _recordings(server: MCPServer[Any], desk: Desk) -> None:
    @server.tool(annotations=_ACTS)
    async def start_recording(
        call_id: CallId,
        context: Context,
        name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")] = "recording",
        stereo: Annotated[bool, Field(description="caller left, what they hear right")] = True,
    ) -> Done:
        """Record the call, where the caller's consent is not missing."""
        wish = {"control_id": name, "stereo": stereo}
        return await desk.act(context, call_id, "record_call", wish)

    @server.tool(annotations=_SETS)
    async def stop_recording(
        call_id: CallId,
        context: Context,
        name: Annotated[str, Field(max_length=64)] = "recording",
    ) -> Done:
        """End a recording; it is at call://{call_id}/recording then."""
        return await desk.act(context, call_id, "stop_record_call", {"control_id": name})


def _agents(server: MCPServer[Any], desk: Desk) -> None:
    @server.tool(annotations=_ACTS)
    async def inject_ai_message(
        call_id: CallId,
        text: Annotated[str, Field(min_length=1, max_length=8000)],
        context: Context,
        role: Annotated[
            Literal["system", "user"],
            Field(description="system: a note; user: as if the caller had said it"),
        ] = "system",
    ) -> Done:
        """Give the agent that talks with the caller a note; it replies in its own words."""
        return await desk.act(context, call_id, "tell", {"text": text, "role": role})

    @server.tool(annotations=_SETS)
    async def set_global_data(
        call_id: CallId,
        data: Annotated[dict[str, Any], Field(description="values by name; null takes one away")],
        context: Context,
    ) -> Done:
        """Set values that the plan, the agent's prompt and its functions see as global_data."""
        return await desk.act(context, call_id, "set_global_data", {"data": data})
