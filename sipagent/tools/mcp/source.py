"""McpSource: the tools of an agent's MCP servers, as they come and go while it talks."""

import json
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from sipagent.call.control import CallControl
from sipagent.call.session import CallSession
from sipagent.call.shared_data import SharedData
from sipagent.errors import CallError, PlanError
from sipagent.events import McpServerChanged

from ..spec import ToolResult, ToolSpec
from .foreign import cleaned
from .offering import Judged, absent, described, judge
from .running import Running
from .server import Change, McpFailed, McpServer, McpServers
from .spec import McpUse, Terms

#: seconds; a call of a tool bounds itself, but for the time people take to answer
_OUTERMOST = 900.0
#: bytes of one resource, and of all, that global_data takes; how many
_RESOURCE, _RESOURCES, _MOST_RESOURCES = 16_384, 65_536, 16


class McpSource:
    """Behind `ToolSource`. `reserved` are names that no foreign tool may take: verbs, functions."""

    def __init__(
        self, uses: Sequence[McpUse], servers: McpServers, reserved: Collection[str]
    ) -> None:
        self._uses = uses
        self._servers = servers
        self._reserved = frozenset(reserved)
        self._served: list[_Served] = []
        self._offered: tuple[ToolSpec, ...] = ()

    def open(self, control: CallControl) -> None:
        """See `ToolSource`. A server that may not be had is on record, and the talk goes on."""
        call = control.call

        def fill(headers: Mapping[str, str]) -> Mapping[str, str]:
            return _filled(call, headers)

        for use in self._uses:
            try:
                server, terms = self._servers.open(use, fill)
            except (McpFailed, PlanError) as error:
                call.emit(McpServerChanged, server=use.name, state="refused", detail=str(error))
                continue
            self._served.append(_Served(server, terms, control))
        self._list()
        for served in self._served:
            served.unfollow = served.server.follow(partial(self._told, served))

    def offered(self) -> Sequence[ToolSpec]:
        """See `ToolSource`."""
        return self._offered

    async def close(self) -> None:
        """See `ToolSource`. The connections end with the call."""
        for served in self._served:
            served.unfollow()

    def _told(self, served: "_Served", change: Change) -> None:
        served.gone = change.state == "failed"
        self._list()
        if change.state != "updated":
            served.record(change)
        if change.state in ("connected", "updated") and served.terms.resources:
            served.control.call.spawn(served.read_resources())

    def _list(self) -> None:
        """Names are given in the order the servers are declared in: the first has it."""
        taken = set(self._reserved)
        specs: list[ToolSpec] = []
        for served in self._served:
            served.judged = judge(served.terms, served.server.tools, taken)
            own = served.specs()
            taken |= {spec.name for spec in own}
            specs += own
        self._offered = tuple(specs)


class _Served:
    """One server in one talk."""

    def __init__(self, server: McpServer, terms: Terms, control: CallControl) -> None:
        self.server = server
        self.terms = terms
        self.control = control
        self.judged: tuple[Judged, ...] = ()
        self.unfollow = _nothing
        #: resources that stand in global_data by our hand
        self._kept: set[str] = set()
        #: it could not be reached, and is not tried any more
        self.gone = False

    def specs(self) -> list[ToolSpec]:
        if self.gone:
            return []
        return [
            ToolSpec(
                judged.name,
                described(self.terms, judged.tool),
                judged.parameters,
                partial(self._invoke, judged),
                _OUTERMOST,
            )
            for judged in self.judged
            if not judged.why_not
        ]

    async def _invoke(
        self, judged: Judged, arguments: Mapping[str, Any], control: CallControl
    ) -> ToolResult:
        key = f"mcp:{self.terms.name}"
        done = control.call.done
        if done[key] >= self.terms.max_calls:
            why = f"{self.terms.name} may be called {self.terms.max_calls} times in a phone call"
            return ToolResult(f"{judged.name} was not run: {why}", ok=False)
        done[key] += 1
        return await Running(self.server, self.terms, judged, control).run(arguments)

    def record(self, change: Change) -> None:
        left_out = [
            f"{one.tool.name}: {one.why_not}"
            for one in self.judged
            if one.why_not and (self.terms.tools is None or one.tool.name in self.terms.tools)
        ]
        if change.state in ("connected", "changed"):
            missing = absent(self.terms, self.server.tools)
            left_out += [f"{name}: the server has none" for name in missing]
        self.control.call.emit(
            McpServerChanged,
            server=self.terms.name,
            url=self.server.shown,
            state=change.state,
            tools=len(self.specs()),
            left_out=tuple(cleaned(text, 200) for text in left_out[:20]),
            detail=change.detail,
            ms=change.ms,
        )

    async def read_resources(self) -> None:
        """Into `global_data`, by the resources' names; what stands there by another hand stays."""
        call, terms = self.control.call, self.terms
        try:
            variables = _filled(call, terms.resource_vars)
            texts = await self.server.read(terms.resources, variables)
        except (McpFailed, PlanError) as error:
            call.emit(
                McpServerChanged, server=terms.name, state="updated", detail=f"not read: {error}"
            )
            return
        shared = SharedData(call.scope)
        taken = shared.global_data.keys() - self._kept
        left = _RESOURCES
        kept: dict[str, Any] = {}
        for one in texts[:_MOST_RESOURCES]:
            size = len(one.text.encode())
            if size <= min(_RESOURCE, left) and one.name not in taken:
                left -= size
                kept[one.name] = _value(one.text)
        with suppress(CallError):
            shared.set_global(kept)
            self._kept |= kept.keys()
        detail = f"{len(kept)} of {len(texts)} resources are in global_data"
        call.emit(McpServerChanged, server=terms.name, state="updated", detail=detail)


def _filled(call: CallSession, texts: Mapping[str, str]) -> dict[str, str]:
    """Templates filled in; global data needs no prefix, as in SWML. Raises PlanError."""
    scope = {**SharedData(call.scope).global_data, **call.scope}
    filled = call.services.expressions.expand(dict(texts), scope)
    return {key: str(value) for key, value in filled.items()}


def _value(text: str) -> Any:
    with suppress(ValueError, RecursionError):
        return json.loads(text)
    return text


def _nothing() -> None:
    """Nobody is followed yet."""
