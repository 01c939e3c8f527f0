"""Which resources are read: all that are listed, or those named, with templates filled in."""

from collections.abc import Mapping

from mcp import Client
from mcp.shared.uri_template import UriTemplate

#: resources in all
_MOST = 16


async def wanted_uris(
    client: Client, wanted: bool | tuple[str, ...], variables: Mapping[str, str]
) -> list[tuple[str, str]]:
    """Names and URIs. A template without a value for one of its variables is left out."""
    if client.server_capabilities.resources is None:
        return []
    listed = (await client.list_resources()).resources
    templates = (await client.list_resource_templates()).resource_templates
    names = {resource.uri: resource.name for resource in listed}
    names |= {template.uri_template: template.name for template in templates}
    named = names if wanted is True else {uri: names.get(uri, uri) for uri in wanted or ()}
    found = []
    for uri, name in named.items():
        filled = _filled(uri, variables)
        if filled is not None:
            found.append((name, filled))
    return found[:_MOST]


def _filled(uri: str, variables: Mapping[str, str]) -> str | None:
    if "{" not in uri:
        return uri
    template = UriTemplate.parse(uri)
    if not set(template.variable_names) <= {key for key, value in variables.items() if value}:
        return None
    return template.expand(dict(variables))
