"""`sipagent cluster`: several servers as one."""

import asyncio
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated

import typer
from pydantic import TypeAdapter, ValidationError
from rich.markup import escape
from rich.table import Table

from sipagent.api.nodes_view import NodeState, NodeView
from sipagent.app.keeping import keeping_alone
from sipagent.client import SipAgent
from sipagent.cluster.kamailio import Layout, files
from sipagent.cluster.looking import look
from sipagent.config import Cluster, Front, Settings
from sipagent.config.cluster import HostPort
from sipagent.errors import SipAgentError
from sipagent.store.orders import OrderBook, Owing

from .draining import WaitOption, emptied, refilled
from .outside import VARIABLE, UrlOption, server_at
from .style import ConfigOption, JsonOption, out, print_json, settings_from

app = typer.Typer(
    help="Several servers as one: who lives, what stands in front of them, and emptying one.",
    no_args_is_help=True,
)
_HOST_PORT = TypeAdapter(HostPort)
NodeOption = Annotated[
    list[str] | None,
    typer.Option(
        "--node",
        help="NAME=HOST:PORT, where Kamailio reaches it; repeatable "
        "[default: as a running node tells, asked with SIPAGENT_TOKEN]",
    ),
]


@app.command()
def kamailio(
    node: NodeOption = None,
    listen: Annotated[
        str | None,
        typer.Option(help="HOST:PORT to bind, where that is not cluster.front.address (NAT)"),
    ] = None,
    inside: Annotated[
        str | None, typer.Option(help="HOST:PORT of a second socket, towards the nodes")
    ] = None,
    *,
    tcp: Annotated[bool, typer.Option(help="TCP for trunks and phones, beside UDP")] = True,
    tls: Annotated[int | None, typer.Option(help="port of TLS; tls.cfg is yours")] = None,
    ws: Annotated[int | None, typer.Option(help="port of WebSocket, for web phones")] = None,
    flood: Annotated[
        int | None, typer.Option(help="requests of one source in 2 s; above: no answer (pike)")
    ] = None,
    folder: Annotated[
        str, typer.Option(help="where Kamailio will read dispatcher.list")
    ] = "/etc/kamailio",
    out_folder: Annotated[
        Path | None, typer.Option("--out", help="write the files there [default: print them]")
    ] = None,
    url: UrlOption = None,
    config: ConfigOption = None,
) -> None:
    """Make kamailio.cfg and dispatcher.list for a Kamailio in front of the nodes."""
    settings = settings_from(config)
    front = _front(settings)
    layout = Layout(
        nodes=_nodes(node or []) or asyncio.run(_seen(url, config)),
        front=front.address,
        listen=_place(listen, "--listen"),
        inside=_place(inside, "--inside"),
        tcp=tcp,
        tls=tls,
        ws=ws,
        flood=flood,
        trunks=tuple(n for trunk in settings.trunks.values() for n in trunk.addresses),
        etc=folder,
    )
    _believed(layout, front)
    for name, text in files(layout).items():
        if out_folder is None:
            typer.echo(f"==> {name} <==\n{text}")
        else:
            out_folder.mkdir(parents=True, exist_ok=True)
            (out_folder / name).write_text(text)
    if out_folder is not None:
        where = escape(str(out_folder))
        out.print(f"{where}: check it with kamailio -c -f {where}/kamailio.cfg", soft_wrap=True)


@app.command()
def drain(
    node: Annotated[str, typer.Argument(help="name of a node")],
    wait: WaitOption = False,
    url: UrlOption = None,
    config: ConfigOption = None,
) -> None:
    """Have a node take no new calls; live ones go on to their own end."""
    asyncio.run(emptied(server_at(url, config), node, wait))


@app.command()
def undrain(
    node: Annotated[str, typer.Argument(help="name of a node")],
    url: UrlOption = None,
    config: ConfigOption = None,
) -> None:
    """Have it take calls again."""
    asyncio.run(refilled(server_at(url, config), node))


@app.command()
def nodes(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Who lives, as the nodes say themselves by NATS; exit code 1 where one takes no calls."""
    settings = settings_from(config)
    if settings.cluster is None:
        raise SipAgentError("no cluster in the settings; `cluster:` of sipagent.yaml names it")
    found = asyncio.run(look(settings.cluster.nats))
    if as_json:
        print_json([view.model_dump(mode="json") for view in found])
    else:
        out.print(_table(found))
    if not found or any(view.state is not NodeState.UP for view in found):
        raise typer.Exit(1)


@app.command()
def erasures(
    forget: Annotated[
        str, typer.Option(help="a node that never comes back, and whose disk is destroyed")
    ] = "",
    *,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """What nodes that are away have still to erase; exit code 1 where there is anything.

    Each does its part when it is back. Until then the database says whose data is to go.
    """
    settings = settings_from(config)
    owing = asyncio.run(_owing(settings))
    if forget:
        theirs = next((one.orders for one in owing if one.node == forget), 0)
        if not theirs:
            raise SipAgentError(f"node {forget} has nothing to erase")
        if not yes:
            ask = f"Is the disk of {forget} destroyed? What is on it will not be erased."
            typer.confirm(ask, abort=True, err=True)
        asyncio.run(_forgotten(settings, forget))
        owing = [one for one in owing if one.node != forget]
    if as_json:
        print_json([{**asdict(one), "since": one.since.isoformat()} for one in owing])
    elif not owing:
        out.print("no node has anything to erase")
    for one in () if as_json else owing:
        since = f"{one.since:%Y-%m-%d %H:%M} UTC"
        out.print(f"{escape(one.node)}: {one.orders}, the oldest of {since}", highlight=False)
    if owing:
        raise typer.Exit(1)


async def _owing(settings: Settings) -> list[Owing]:
    book = OrderBook(settings.store.database, upgrade=False)
    try:
        return await book.owing()
    finally:
        await book.close()


async def _forgotten(settings: Settings, node: str) -> None:
    """On the audit chain, too."""
    with keeping_alone(settings, exclusive=False) as keeping:
        book = OrderBook(settings.store.database, upgrade=False)
        try:
            orders = await book.forget(node)
            keeping.chronicle.put("erasures_forgotten", node=node, orders=orders, by="cli")
        finally:
            await book.close()
            await keeping.close()


def _table(found: Sequence[NodeView]) -> Table:
    table = Table(box=None, header_style="bold")
    for head in ("node", "state", "calls", "sip", "version", "registers"):
        table.add_column(head, overflow="fold")
    for view in found:
        colour = "green" if view.state is NodeState.UP else "yellow"
        why = f" ({escape(view.why)})" if view.why else ""
        table.add_row(
            escape(view.node), f"[{colour}]{view.state}[/]{why}", f"{view.calls}/{view.capacity}",
            escape(view.sip), escape(view.version), escape(", ".join(view.registers)),
        )  # fmt: skip
    return table


def _front(settings: Settings) -> Front:
    cluster: Cluster | None = settings.cluster
    if cluster is None or cluster.front is None:
        raise SipAgentError(
            "cluster.front is not in the settings: front: {address: HOST:PORT, trusted: [NETWORK]}"
        )
    return cluster.front


def _nodes(texts: list[str]) -> dict[str, str]:
    """Raises SipAgentError."""
    found: dict[str, str] = {}
    for text in texts:
        name, equals, place = text.partition("=")
        if not equals or not name.replace("-", "").replace("_", "").isalnum():
            raise SipAgentError(f"--node {text}: not NAME=HOST:PORT")
        if name in found:
            raise SipAgentError(f"--node {text}: there is a node of that name")
        found[name] = _place(place, f"--node {name}")
    return found


async def _seen(url: str | None, config: Path | None) -> dict[str, str]:
    """The nodes that are there, by one of them; none where nobody may be asked."""
    if not os.environ.get(VARIABLE):
        return {}
    async with SipAgent(*server_at(url, config)) as server:
        known = (await server.nodes()).nodes
    away = (NodeState.GONE, NodeState.LEFT)
    return {node.node: node.sip for node in known if node.sip and node.state not in away}


def _place(text: str | None, option: str) -> str:
    if not text:
        return ""
    try:
        return _HOST_PORT.validate_python(text)
    except ValidationError:
        raise SipAgentError(f"{option} {text}: not HOST:PORT") from None


def _believed(layout: Layout, front: Front) -> None:
    """Nodes hear Kamailio from one of its addresses: they have to trust that one."""
    host = (layout.inside or layout.listen or layout.front).rpartition(":")[0].strip("[]")
    with suppress(ValueError):  # a name, which is looked up when Kamailio starts
        address = ip_address(host)
        if not any(address in n for n in front.trusted if n.version == address.version):
            raise SipAgentError(
                f"cluster.front.trusted does not hold {host}, by which nodes see this Kamailio: "
                "they would take every call to be its own"
            )
