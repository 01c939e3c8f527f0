"""Chromium: a real browser without a screen, whose microphone is a file, for pages of ours."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from playwright.async_api import BrowserContext, ConsoleMessage, Page, async_playwright

#: Debian's; playwright's own is not downloaded
EXECUTABLE = Path("/usr/bin/chromium")
#: milliseconds a page may take for anything it is waited for
PATIENCE = 20_000
DESKTOP, PHONE = (1280, 800), (390, 844)
_ARGUMENTS = (
    "--no-sandbox",
    "--disable-dev-shm-usage",
    # a microphone that exists and is granted, and calls within this machine
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--allow-loopback-in-peer-connection",
    "--autoplay-policy=no-user-gesture-required",
    # a page that nobody looks at is slowed down else
    "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
)


@dataclass
class Chromium:
    """A browser with one context: pages in it share their storage, as tabs do.

    `trouble` is what pages complained of: errors on the console, exceptions nobody caught, and
    what the Content-Security-Policy refused.
    """

    context: BrowserContext
    trouble: list[str] = field(default_factory=list)

    async def page(self, url: str = "") -> Page:
        """A new tab, on `url` where one is given."""
        page = await self.context.new_page()
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.trouble.append(str(error)))
        if url:
            await page.goto(url)
        return page

    def _said(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.trouble.append(message.text)


def _heard(microphone: Path | None) -> Sequence[str]:
    if microphone is None:
        return ()
    return (f"--use-file-for-fake-audio-capture={microphone.absolute()}%noloop",)


@asynccontextmanager
async def chromium(
    microphone: Path | None = None,
    *,
    size: tuple[int, int] = DESKTOP,
    scheme: Literal["light", "dark"] = "light",
    touch: bool = False,
    arguments: Sequence[str] = (),
) -> AsyncIterator[Chromium]:
    """A browser until left. `microphone` is a WAV file that is heard once from the moment on at
    which a page opens the microphone, and silence after it; without one there is a beep a second.
    `size` is the window's in CSS pixels (`DESKTOP`, `PHONE`), `touch` has it tapped, not clicked.
    """
    extra = [*_ARGUMENTS, *_heard(microphone), *arguments]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=EXECUTABLE, args=extra)
        try:
            context = await browser.new_context(
                viewport={"width": size[0], "height": size[1]},
                color_scheme=scheme,
                has_touch=touch,
                permissions=["microphone"],
            )
            context.set_default_timeout(PATIENCE)
            yield Chromium(context)
        finally:
            await browser.close()
