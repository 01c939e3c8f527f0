"""A folder of functions."""

from pathlib import Path

import pytest

from sipagent.serving.functions import Functions

SHOP = '''
import asyncio
from sipagent.call.control import CallControl
from sipagent.errors import ToolError
from sipagent.tools import tool
from sipagent.verbs.signalling import HangupVerb
from sipagent.verbs.sound import PlayVerb
from sipagent.verbs.transferring import TransferVerb


@tool
async def price(item: str, count: int = 1) -> str:
    """What a thing costs.

    Args:
        item: What it is called.
    """
    if item == "moon":
        raise ToolError("The moon is not for sale.")
    return f"{count} {item}: {12 * count} euros"


@tool
async def broken(item: str = "") -> str:
    """Fails."""
    raise KeyError("secret detail")


@tool(timeout=0.05)
async def slow() -> str:
    """Takes long."""
    await asyncio.sleep(30)
    return "never"


@tool
async def put_through(to: str, call: CallControl) -> str:
    """Put the caller through."""
    call.call.scope["global_data"]["department"] = to
    await call.do(PlayVerb(url="say:One moment."))
    outcome = await call.do(TransferVerb(to=f"sip:{to}@pbx.example"))
    return outcome.detail


@tool
async def goodbye(call: CallControl) -> str:
    """End the call."""
    await call.do(HangupVerb())
    return f"goodbye, {call.call.scope['vars'].get('name', 'caller')}"


@tool
async def long_words() -> str:
    """Talks too much."""
    return "word " * 100_000
'''


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A file with functions of every kind."""
    file = tmp_path / "shop.py"
    file.write_text(SHOP)
    return file


@pytest.fixture
def functions(shop: Path) -> Functions:
    """They, loaded."""
    return Functions.load([shop])
