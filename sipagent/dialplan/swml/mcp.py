"""`SWAIG.mcp_servers` of an SWML `ai` object: servers by URL, all of whose tools are offered."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from sipagent.tools.mcp.spec import ALL, MAX_SERVERS, McpUse

_KEYS = frozenset({"url", "headers", "resources", "resource_vars"})


def servers_of(swaig: Any) -> tuple[tuple[McpUse, ...], list[str]]:
    """The servers, and notes on what is left out. Tools keep their names, as the vendor has it."""
    listed = swaig.get("mcp_servers") if isinstance(swaig, Mapping) else None
    if listed is None:
        return (), []
    uses: list[McpUse] = []
    notes: list[str] = []
    for index, raw in enumerate(listed if isinstance(listed, list) else [listed]):
        place = f"SWAIG.mcp_servers[{index}]"
        if len(uses) == MAX_SERVERS:
            notes.append(f"{place} and after are left out: an agent can have {MAX_SERVERS} servers")
            break
        try:
            uses.append(_server(raw))
        except (ValidationError, TypeError, ValueError):
            notes.append(f"{place} is left out: it needs a url, and headers that are texts")
            continue
        notes += [f"{place}.{key} is not known and is ignored" for key in raw.keys() - _KEYS]
    return tuple(uses), notes


def _server(raw: Any) -> McpUse:
    if not isinstance(raw, Mapping):
        raise TypeError("not a mapping")
    known = {key: value for key, value in raw.items() if key in _KEYS}
    for key in ("headers", "resource_vars"):
        given = known.get(key) or {}
        if not isinstance(given, Mapping):
            raise TypeError(f"{key} is no mapping")
        known[key] = {str(k): str(v) for k, v in given.items()}
    return McpUse.model_validate({**known, "tools": ALL, "prefix": ""})
