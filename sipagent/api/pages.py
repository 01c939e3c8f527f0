"""The console's door: its pages, and the way there for a browser that knows only the address."""

from pathlib import Path

from starlette.responses import RedirectResponse
from starlette.types import Receive, Scope, Send

from .doors import Mount
from .static import HEADERS, Static

CONSOLE = "/console"
PHONE = "/phone"
HOME = "/"


def console() -> Mount:
    """The pages below /console."""
    return Mount(Static(CONSOLE, Path(__file__).with_name("console")), pages=True)


def phone() -> Mount:
    """The browser phone's script, and a page of its own, below /phone."""
    return Mount(Static(PHONE, Path(__file__).with_name("phone")), pages=True)


def home() -> Mount:
    """The server's own address."""
    return Mount(_to_console, open_paths=frozenset({HOME}))


async def _to_console(scope: Scope, receive: Receive, send: Send) -> None:
    await RedirectResponse(f"{CONSOLE}/", headers=dict(HEADERS))(scope, receive, send)
