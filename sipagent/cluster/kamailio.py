"""Kamailio: the configuration of the proxy in front of all nodes, made from the settings."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from ipaddress import IPv4Network, IPv6Network

from sipagent.errors import SipAgentError

CONFIGURATION, NODES = "kamailio.cfg", "dispatcher.list"
#: the one set of destinations
_SET = 1


class NotAFront(SipAgentError):
    """What Kamailio is to be told does not fit together."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Who stands where. Addresses are `host:port`, IPv6 in brackets.

    `nodes` are by name; `front` is what trunks and phones know, `listen` what Kamailio binds for
    it, `inside` a socket of its own towards nodes. `tls` and `ws` are ports beside; `flood` is how
    many requests one source may send in two seconds. `trunks` are networks never limited.
    """

    nodes: Mapping[str, str]
    front: str
    listen: str = ""
    inside: str = ""
    tcp: bool = True
    tls: int | None = None
    ws: int | None = None
    flood: int | None = None
    trunks: tuple[IPv4Network | IPv6Network, ...] = ()
    ping_seconds: int = 2
    #: without any answer to an INVITE or to OPTIONS for so long a node is taken to be dead, ms
    patience_ms: int = 2000
    #: the same for phones and trunks, and for requests within a call, ms
    outer_patience_ms: int = 10_000
    run: str = "/run/kamailio"
    etc: str = "/etc/kamailio"


def files(layout: Layout) -> dict[str, str]:
    """What to put into Kamailio's folder, by name. Raises NotAFront."""
    if not layout.nodes:
        raise NotAFront(
            "a front needs nodes behind it: --node NAME=HOST:PORT for each of them, or "
            "SIPAGENT_TOKEN, to ask one that runs"
        )
    return {CONFIGURATION: _configuration(layout), NODES: _nodes(layout)}


def _configuration(layout: Layout) -> str:
    body = resources.files(__package__).joinpath(CONFIGURATION).read_text()
    return f"{_head(layout)}\n{body}"


def _head(layout: Layout) -> str:
    lines = [
        "#!KAMAILIO",
        "# Kamailio 5.6 and later in front of several nodes of sipagent. Made by",
        "# `sipagent cluster kamailio`: make it anew rather than editing it, when nodes, trunks or",
        "# addresses change. docs/cluster.md says what it does.",
        "",
        "debug=2",
        "log_stderror=no",
        "log_facility=LOG_LOCAL0",
        "children=4",
        "tcp_children=4",
        "# a phone is reached by the connection it registered on, for as long as it may hold",
        "tcp_connection_lifetime=3610",
        "auto_aliases=no",
        "server_signature=no",
        *(["enable_tls=yes"] if layout.tls else []),
        *(["tcp_accept_no_cl=yes"] if layout.ws else []),
        "",
        *_sockets(layout),
        "",
        *_defines(layout),
    ]
    return "\n".join(lines) + "\n"


def _sockets(layout: Layout) -> list[str]:
    bound = layout.listen or layout.front
    host = bound.rpartition(":")[0]
    told = f" advertise {layout.front}" if bound != layout.front else ""
    known_as = layout.front.rpartition(":")[0]
    lines = ["# what trunks and phones know", f"listen=udp:{bound}{told}"]
    if layout.tcp:
        lines.append(f"listen=tcp:{bound}{told}")
    if layout.tls:
        told = f" advertise {known_as}:{layout.tls}" if told else ""
        lines.append(f"listen=tls:{host}:{layout.tls}{told}")
    if layout.ws:
        lines.append(f"listen=tcp:{host}:{layout.ws}")
    lines.append(f'alias="{layout.front}"')
    if layout.inside:
        lines += ["# what nodes know", f"listen=udp:{layout.inside}", "mhomed=1"]
    return lines


def _defines(layout: Layout) -> list[str]:
    switches = {
        "INSIDE": layout.inside,
        "TLS": layout.tls,
        "WS": layout.ws,
        "PIKE": layout.flood,
        "EXEMPT": layout.trunks,
    }
    values = {
        "FRONT_HOST": layout.front.rpartition(":")[0],
        "PING_SECONDS": layout.ping_seconds,
        "NODE_PATIENCE": layout.patience_ms,
        "OUTER_PATIENCE": layout.outer_patience_ms,
        "RUN_DIR": layout.run,
        "DISPATCHER_LIST": f"{layout.etc}/{NODES}",
        "TLS_CONFIG": f"{layout.etc}/tls.cfg",
        "PIKE_REQUESTS": layout.flood or 0,
        "EXEMPT_NETWORKS": ",".join(map(str, layout.trunks)),
    }
    lines = [f"#!define WITH_{name}" for name, wanted in switches.items() if wanted]
    # the longest first: one name may begin another
    named = sorted(values.items(), key=lambda item: -len(item[0]))
    return lines + [f'#!substdef "!{name}!{value}!g"' for name, value in named]


def _nodes(layout: Layout) -> str:
    by = f";socket=udp:{layout.inside}" if layout.inside else ""
    lines = [
        "# set, address, flags, priority, attributes: the nodes, by name.",
        "# `kamcmd dispatcher.reload` reads this file again; calls go on.",
        *(f"{_SET} sip:{at} 0 0 duid={name}{by}" for name, at in layout.nodes.items()),
    ]
    return "\n".join(lines) + "\n"
