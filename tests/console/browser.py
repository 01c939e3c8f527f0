"""The console in Chromium: signed in with a token, on a page of it."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

from playwright.async_api import Page

from sipagent.testing.chromium import Chromium, chromium
from sipagent.testing.server import Server

from ..api.door import base

Theme = Literal["light", "dark"]
WIDTHS = {"desk": (1440, 900), "phone": (390, 844)}
SHOTS = Path("build/console")


@asynccontextmanager
async def opened(
    browser: Chromium, server: Server, token: str, at: str = "live"
) -> AsyncIterator[Page]:
    """A tab of the console, signed in by hand, on that page."""
    page = await browser.page(f"{base(server)}/console/#/{at}")
    try:
        await page.get_by_label("Token").fill(token)
        await page.get_by_role("button", name="Sign in").click()
        await page.locator("main h1").wait_for()
        yield page
    finally:
        await page.close()


async def go(page: Page, at: str) -> None:
    """To another page of it, once that is drawn."""
    await page.evaluate("at => { location.hash = `#/${at}`; }", at)
    await page.locator("main .page h1").wait_for()


async def shot(page: Page, name: str) -> Path:
    """A picture of it, below build/."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    path = SHOTS / f"{re.sub('[^a-z0-9]+', '-', name)}.png"
    await page.screenshot(path=path, full_page=False)
    return path


__all__ = ["SHOTS", "WIDTHS", "Theme", "chromium", "go", "opened", "shot"]
