"""`sipagent serve`: run until SIGTERM or Ctrl-C, then drain."""

import asyncio
import errno
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import structlog
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sipagent.app.gateway import Gateway
from sipagent.app.plans import open_plans
from sipagent.config import Settings
from sipagent.dialplan.model import Plan
from sipagent.dialplan.repository import Plans
from sipagent.edge.desk import Address
from sipagent.errors import ConfigError, SipAgentError
from sipagent.log import configure
from sipagent.media.precedence import run_ahead
from sipagent.tasks import stopped

from .style import ConfigOption, settings_from, settings_path, shown

log = structlog.get_logger(__name__)
_REMEDIES = {
    errno.EADDRINUSE: "another program has it; end that, or set another port",
    errno.EADDRNOTAVAIL: "this machine has no such address; set one it has",
    errno.EACCES: "ports below 1024 are not for everybody; set a higher one",
}


#: seconds a thread that draws a bundle may keep the interpreter from the SIP sockets
_SWITCH_INTERVAL = 0.0005


def serve(config: ConfigOption = None) -> None:
    """Answer calls until SIGTERM or Ctrl-C; SIGHUP reloads, SIGUSR2 restarts; both keep calls."""
    path = settings_path(config)
    settings = settings_from(path)
    configure(settings.log, node=settings.node)
    sys.setswitchinterval(_SWITCH_INTERVAL)
    plans = open_plans(settings)
    if settings.media.priority == "auto":
        run_ahead()  # this thread alone: SIP is answered, and more calls refused, however many talk
    try:
        again = asyncio.run(_serve(settings, plans, path))
    except OSError as error:
        raise SipAgentError(_words(error)) from error
    if again:  # the same process: a service manager notices nothing
        os.execv(sys.executable, [sys.executable, "-m", "sipagent", *sys.argv[1:]])  # noqa: S606


async def _serve(settings: Settings, plans: Plans, path: Path | None) -> bool:
    """True to start anew, calls being left to whoever comes next."""
    loop = asyncio.get_running_loop()
    stop, restart = asyncio.Event(), _Restart(path)
    screen = Console(stderr=True)
    async with Gateway(settings, plans, read_settings=lambda: settings_from(path)) as gateway:
        loop.add_signal_handler(signal.SIGUSR2, restart.ask, stop)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        loop.add_signal_handler(signal.SIGHUP, gateway.reload)
        if screen.is_terminal:
            _welcome(screen, gateway, settings, path)
        await stop.wait()
        if restart.wanted:
            await gateway.leave()
            return True
        if screen.is_terminal and gateway.ledger.live:
            patience = f"{settings.limits.drain_seconds:g} s"
            screen.print(f"Waiting up to {patience} for live calls; Ctrl-C again ends them.")
        await _drained(gateway)
    return False


class _Restart:
    """SIGUSR2: wanted where the settings on disk would start."""

    def __init__(self, path: Path | None) -> None:
        self.wanted = False
        self._path = path

    def ask(self, stop: asyncio.Event) -> None:
        """Look at them, and stop."""
        try:
            open_plans(settings_from(self._path))
        except ConfigError as error:
            for finding in error.findings:
                log.error("settings_finding", finding=str(finding))
            log.error("not_restarted", findings=len(error.findings))
        else:
            self.wanted = True
            stop.set()


async def _drained(gateway: Gateway) -> None:
    """Wait for live calls; a second signal has them hung up on at once."""
    loop = asyncio.get_running_loop()
    again = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, again.set)
    waits = {asyncio.create_task(gateway.drain()), asyncio.create_task(again.wait())}
    done, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    await stopped(*pending)
    for wait in done:
        wait.result()


def _welcome(screen: Console, gateway: Gateway, settings: Settings, path: Path | None) -> None:
    """For a person at a terminal: where to call, and what answers there."""
    if path is None:
        screen.print("There is no sipagent.yaml here: every setting has its default.")
    sockets = ", ".join(f"{name} {_place(address)}" for name, address in gateway.edge.bound)
    screen.print(f"[bold]Answering calls[/] on {sockets}", highlight=False, emoji=False)
    table = Table(box=None, show_header=False, padding=(0, 1))
    at = _place(gateway.edge.public_address)
    for plan in gateway.plans.plans:
        for number in numbers(plan, at):
            table.add_row(escape(number), "→", f"[bold]{escape(plan.name)}[/]")
    screen.print(table, emoji=False)
    if (door := gateway.http.address) is not None:
        scheme = "https" if settings.api is not None and settings.api.tls else "http"
        where = f"{scheme}://{_place(door)}"
        screen.print(f"API: {where}/v1, MCP: {where}/mcp", highlight=False, emoji=False)
    if not gateway.plans.plans:
        screen.print("[yellow]There is no dialplan: every caller gets 404.[/]")
    guests = ", ".join(map(str, settings.sip.guests)) or "nobody"
    screen.print(
        f"Without credentials may call: {guests}. Records: {shown(settings.store.bundles)}/ and "
        "`sipagent calls`. Ctrl-C ends it.",
        highlight=False,
    )


def numbers(plan: Plan, at: str) -> Iterator[str]:
    """What to dial for a plan, a line for each of its routes; `at` is our `host:port`."""
    if not plan.routes:
        yield "any other number"
    for route in plan.routes:
        dialled = ", ".join(p if "@" in p else f"sip:{p}@{at}" for p in route.to) or "any number"
        caller = f" from {', '.join(route.caller)}" if route.caller else ""
        trunk = f" by trunk {route.trunk}" if route.trunk else ""
        headers = f" with {', '.join(route.headers)}" if route.headers else ""
        hours = " at certain hours" if route.when else ""
        yield f"{dialled}{caller}{trunk}{headers}{hours}"


def _place(address: Address) -> str:
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _words(error: OSError) -> str:
    """A socket that cannot be had names itself in `filename`."""
    if error.filename is None:
        return str(error)
    remedy = _REMEDIES.get(error.errno or 0, f"{error.strerror}; correct it")
    return f"cannot listen on {error.filename}: {remedy} under sip.listen in sipagent.yaml"
