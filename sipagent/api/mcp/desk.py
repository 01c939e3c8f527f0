"""Desk: what every tool of the MCP server needs: the calls, who asks, and an error to read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from starlette.requests import Request

from sipagent.config import Scope
from sipagent.errors import SipAgentError

from ..calls import Done, LiveCalls, Principal
from ..doors import client_of, principal_of

#: who a client over stdio is: the API it speaks to knows better
_LOCAL = Principal("mcp:stdio")


@dataclass(frozen=True, slots=True)
class Desk:
    """The calls, for one MCP server."""

    calls: LiveCalls

    def who(self, context: Context, scope: Scope) -> Principal:
        """Who asks, where they may. Raises ToolError."""
        request = context.request_context.request
        if not isinstance(request, Request):
            return _LOCAL
        try:
            client = client_of(request)
            if scope not in client.scopes:
                raise ToolError(f"refused: the token {client.name} has no scope {scope}")
            return principal_of(request, "mcp")
        except SipAgentError as error:
            raise ToolError(str(error)) from error

    async def act(
        self, context: Context, call_id: str, verb: str, arguments: Mapping[str, Any]
    ) -> Done:
        """Run a verb; None among the arguments is left out. Raises ToolError with the reason where
        it was refused or failed.
        """
        who = self.who(context, "calls:control")
        given = {key: value for key, value in arguments.items() if value is not None}
        try:
            outcome = await self.calls.do(call_id, verb, given, who)
        except SipAgentError as error:
            raise ToolError(str(error)) from error
        if not outcome.ok:
            raise ToolError(outcome.detail or "that did not work")
        return Done.of(outcome)
