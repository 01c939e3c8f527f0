"""Webhooks, MCP servers, and the STUN and TURN servers that browsers are told of."""

import asyncio
from collections.abc import Iterator, Sequence

from sipagent.app.hooks.report import read_report
from sipagent.app.hooks.webhooks import Webhooks
from sipagent.config import Settings, Webhook
from sipagent.config.mcp import McpServer
from sipagent.doctor.check import Check
from sipagent.doctor.findings import Ailment, Finding, Severity, fine
from sipagent.doctor.patient import Patient
from sipagent.edge.stun import StunFailed, public_address, read_server
from sipagent.errors import ConfigError
from sipagent.providers.mcp.trial import try_out

#: seconds
_MCP, _STUN = 15.0, 3.0

SECRET_MISSING = Ailment(
    "webhook-secret-missing",
    Severity.PROBLEM,
    "a webhook's secret is not there: the server does not start",
    "set it; `sipagent webhooks secret` makes one",
)
WEBHOOK_FAILING = Ailment(
    "webhook-failing",
    Severity.WARNING,
    "the receiver does not take what it is told; it waits on disk and is tried again",
    "see to the receiver; `sipagent webhooks` shows what waits and since when",
)
WEBHOOK_LOST = Ailment(
    "webhook-dropped",
    Severity.WARNING,
    "more waited for a receiver than spool_bytes hold, or longer than give_up_after: never told",
    "see to the receiver; raise spool_bytes or give_up_after",
)
MCP_DOWN = Ailment(
    "mcp-server-down",
    Severity.WARNING,
    "the MCP server is not to be had: agents talk without its tools",
    "see to the server; `sipagent mcp-servers` shows what agents are offered of it",
)
ICE_SILENT = Ailment(
    "ice-server-silent",
    Severity.WARNING,
    "a STUN or TURN server that browsers are told of does not answer: those behind a strict "
    "firewall get no audio",
    "see to that server, or correct its address",
)


async def _run(patient: Patient) -> Sequence[Finding]:
    settings = patient.settings
    found = await asyncio.gather(
        *(_mcp(name, server, settings) for name, server in settings.mcp_servers.items()),
        *(_ice(key, url, settings) for key, url in _ice_urls(settings)),
    )
    all_of_them = [*found, *_secrets(settings.webhooks), *_receivers(settings)]
    return all_of_them or [fine("no webhooks, MCP, STUN or TURN servers are set")]


def _secrets(webhooks: dict[str, Webhook]) -> Iterator[Finding]:
    for name, hook in webhooks.items():
        try:
            Webhooks.check({name: hook})
        except ConfigError as error:
            yield SECRET_MISSING.found(error.findings[0].message, key=f"webhooks.{name}")


def _receivers(settings: Settings) -> Iterator[Finding]:
    """How they do, as the server that runs tells; nobody is sent anything to try them."""
    report = read_report(settings.store.bundles)
    for view in report.webhooks if report is not None and report.current else ():
        key = f"webhooks.{view.name}.url"
        if view.dropped:
            yield WEBHOOK_LOST.found(f"{view.name}: {view.dropped} never told", key=key)
        if view.state != "working":
            what = f"{view.name}: {view.error or view.state}, {view.waiting} waiting"
            yield WEBHOOK_FAILING.found(what, key=key)
        elif not view.dropped:
            yield fine(f"webhook {view.name}: {view.delivered} told, {view.waiting} waiting", key)


async def _mcp(name: str, server: McpServer, settings: Settings) -> Finding:
    key = f"mcp_servers.{name}"
    try:
        async with asyncio.timeout(_MCP):
            tried = await try_out(name, server, settings.state_folder / "mcp")
    except TimeoutError:
        return MCP_DOWN.found(f"{name}: no answer within {_MCP:g} s", key=key)
    if not tried.ok:
        return MCP_DOWN.found(f"{name}: {tried.detail}", key=key)
    return fine(f"MCP server {name}: {len(tried.tools)} tools, {tried.ms} ms", key)


def _ice_urls(settings: Settings) -> Iterator[tuple[str, str]]:
    """Those that can be asked over UDP; TLS and TCP are for browsers to try."""
    if settings.webrtc is None:
        return
    for number, server in enumerate(settings.webrtc.ice_servers):
        for url in server.urls:
            if url.startswith(("stun:", "turn:")) and not url.endswith("transport=tcp"):
                yield f"webrtc.ice_servers[{number}].urls", url


async def _ice(key: str, url: str, settings: Settings) -> Finding:
    """A TURN server answers a STUN binding request too (RFC 8656 section 3)."""
    server = read_server("stun:" + url.partition(":")[2].partition("?")[0])
    if server is None:
        return ICE_SILENT.found(f"{url}: no address", key=key)
    host = settings.sip.listen[0].host
    try:
        seen = await public_address(server, host, patience=_STUN)
    except StunFailed as error:
        return ICE_SILENT.found(f"{url}: {error}", key=key)
    return fine(f"{url} sees us at {seen}", key)


CHECK = Check(
    "outside",
    "webhooks, MCP, STUN and TURN servers",
    _run,
    (SECRET_MISSING, WEBHOOK_FAILING, WEBHOOK_LOST, MCP_DOWN, ICE_SILENT),
    seconds=25.0,
)
