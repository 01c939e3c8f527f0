"""`sipagent drain` and `sipagent undrain`: empty a server, so that stopping it ends no call."""

import asyncio
from typing import Annotated

import typer

from sipagent.api.operating import Draining
from sipagent.client import SipAgent

from .outside import UrlOption, server_at
from .style import ConfigOption, out

#: seconds between two looks at how far it is
_LOOK = 1.0
WaitOption = Annotated[
    bool, typer.Option("--wait", help="until no call lives; exit 0 then: it can be stopped")
]


def drain(wait: WaitOption = False, url: UrlOption = None, config: ConfigOption = None) -> None:
    """Have the running server take no new calls; live ones go on to their own end."""
    asyncio.run(emptied(server_at(url, config), "", wait))


def undrain(url: UrlOption = None, config: ConfigOption = None) -> None:
    """Have it take calls again."""
    asyncio.run(refilled(server_at(url, config), ""))


async def emptied(at: tuple[str, str], node: str, wait: bool) -> None:
    """Drain a server, or a node of its cluster; with `wait` to the last call."""
    async with SipAgent(*at) as server:
        state = await server.drain(node)
        _tell(state, node)
        while wait and state.draining and state.calls:
            await asyncio.sleep(_LOOK)
            before, state = state, await server.draining(node)
            if state != before:
                _tell(state, node)
    if wait and not state.draining:
        out.print("[yellow]somebody had it take calls again[/]")
        raise typer.Exit(1)


async def refilled(at: tuple[str, str], node: str) -> None:
    """The way back."""
    async with SipAgent(*at) as server:
        _tell(await server.undrain(node), node)


def _tell(state: Draining, node: str) -> None:
    who = f"{node}: " if node else ""
    what = "takes no new calls" if state.draining else "takes calls"
    lives = "1 call lives" if state.calls == 1 else f"{state.calls} calls live"
    out.print(f"{who}{what}; {lives}", highlight=False, soft_wrap=True)
