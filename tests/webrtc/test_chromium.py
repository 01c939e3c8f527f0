"""The browser that pages of ours are tried in."""

import asyncio

from sipagent.testing.chromium import PHONE, chromium


async def test_a_browser_without_a_screen_tells_what_a_page_complains_of() -> None:
    async with chromium(size=PHONE) as browser:
        page = await browser.page("data:text/html,<h1>Hello</h1><script>nowhere()</script>")
        assert await page.inner_text("h1") == "Hello"
        assert await page.evaluate("innerWidth") == PHONE[0]
        async with asyncio.timeout(20):
            while not browser.trouble:
                await asyncio.sleep(0.05)
        assert any("nowhere" in complaint for complaint in browser.trouble)
