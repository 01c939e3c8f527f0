"""The console's pages in Chromium: what they show, what they never run, and who can use them."""

import json
from typing import Any
from zipfile import ZipFile

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from sipagent.events import Interim, Said, Warned
from sipagent.testing.chromium import Chromium, chromium

from .browser import WIDTHS, Theme, go, opened, shot
from .conftest import Stage
from .stage import EVIL

pytestmark = [
    pytest.mark.peer,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("console"),
]
#: every page, what has to be there before it is looked at
PAGES = {
    "live": ("live", "Bob Jones"),
    "talking": ("calls/20261123-talking", "This is the order desk."),
    "over": ("calls/20261123-over", "0:17"),
    "calls": ("calls", "Ann Smith"),
    "lines": ("lines", "Desk"),
    "plans": ("plans", "reception"),
    "plan": ("plans/reception", "Where calls can go"),
    "phone": ("phone", "Captions"),
    "status": ("status", "Takes calls"),
}


async def violations(page: Page) -> list[str]:
    found = await Axe().run(page)
    return [
        f"{each['id']}: {node['html'][:160]} {json.dumps(node['any'][:1])[:200]}"
        for each in found.response["violations"]
        for node in each["nodes"]
    ]


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", ["desk", "phone"])
async def test_every_page_is_accessible_in_both_themes_and_widths(
    stage: Stage, width: str, theme: Theme
) -> None:
    async with chromium(size=WIDTHS[width], scheme=theme) as browser:
        door = await browser.page()
        await door.goto(f"{_base(stage)}/console/")
        await expect(door.get_by_label("Token")).to_be_focused()
        assert await violations(door) == []
        await shot(door, f"signin-{width}-{theme}")
        await door.close()
        async with opened(browser, stage.server, stage.token()) as page:
            for name, (at, there) in PAGES.items():
                await go(page, at)
                await expect(page.locator("main")).to_contain_text(there)
                await shot(page, f"{name}-{width}-{theme}")
                assert await violations(page) == [], name
                # nothing is wider than the window
                wide = await page.evaluate("document.documentElement.scrollWidth")
                assert wide <= WIDTHS[width][0], name
        assert browser.trouble == []


def _base(stage: Stage) -> str:
    address = stage.server.gateway.http.address
    assert address is not None
    return f"http://{address[0]}:{address[1]}"


async def test_what_callers_and_models_say_is_text_and_never_markup(
    stage: Stage, browser: Chromium
) -> None:
    async with opened(browser, stage.server, stage.token()) as page:
        ran: list[str] = []
        page.on("dialog", lambda dialog: ran.append(dialog.message))
        await expect(page.get_by_role("row").filter(has_text="onerror").first).to_be_visible()
        await go(page, f"calls/{stage.calls['evil'].call_id}")
        await expect(page.locator("main h1")).to_contain_text(EVIL[:20])
        await expect(page.locator(".talk .line .words")).to_have_text(EVIL)
        for tab in ("Tools and policy", "Events", "SIP"):
            await page.get_by_role("tab", name=tab).click()
        await go(page, "calls")
        await expect(page.get_by_role("link", name="<img src=x").first).to_be_visible()
        made = await page.evaluate(
            "() => [...document.querySelectorAll('img, script')].map(e => e.outerHTML)"
        )
        assert not [each for each in made if "alert" in each or "onerror" in each]
        assert ran == []


async def test_words_appear_as_they_are_spoken_and_a_call_that_ends_says_so(
    stage: Stage, browser: Chromium
) -> None:
    call = stage.calls["through"]
    async with opened(browser, stage.server, stage.token()) as page:
        row = page.get_by_role("row").filter(has_text="+393331234567")
        await expect(row).to_contain_text("sales@pbx.example")
        await expect(row).to_contain_text("On hold")
        call.tell(Interim, speaker="caller", text="is anybody", start=call.t)
        await expect(row.locator(".interim")).to_have_text("is anybody")
        await row.get_by_role("link").click()
        talk = page.get_by_role("region", name="Transcript")
        await expect(talk).to_contain_text("sales please")
        call.tell(Interim, speaker="caller", text="is anybody there", start=call.t)
        await expect(talk.locator(".interim")).to_contain_text("is anybody there")
        call.tell(
            Said, speaker="caller", text="is anybody there now", start=call.t - 900, end=call.t
        )
        await expect(talk.locator(".interim")).to_have_count(0)
        await expect(talk).to_contain_text("is anybody there now")
        await page.get_by_label("Words").fill("Somebody comes.")
        await page.get_by_role("button", name="Say to caller").click()
        # nobody has this call: the page tells the truth of it
        log = page.get_by_role("log")
        await expect(log).to_contain_text("Failed")
        await expect(log).to_contain_text("out of reach")
        call.end()
        await expect(page.locator("main .bar")).to_contain_text("Ended")
        # nothing can be done any more; what was done stays
        await expect(page.get_by_role("button", name="Hang up")).to_have_count(0)
        await expect(log).to_contain_text("out of reach")


async def test_a_recording_is_played_in_step_with_the_transcript(
    stage: Stage, browser: Chromium
) -> None:
    async with opened(
        browser, stage.server, stage.token(), f"calls/{stage.calls['over'].call_id}"
    ) as page:
        player = page.get_by_role("region", name="Recording")
        await expect(player.get_by_role("button", name="Play")).to_be_enabled()
        line = page.locator(".talk .line").filter(has_text="two, in blue")
        await line.locator(".words").click()
        await expect(line).to_have_class("line of-caller playing")
        await player.get_by_role("button", name="Pause").click()
        await player.get_by_role("slider").fill("0.5")
        await expect(line).not_to_have_class("line of-caller playing")
        await expect(page.locator(".talk .line.playing")).to_contain_text("good morning")
        await page.get_by_role("tab", name="SIP").click()
        await expect(page.get_by_role("img", name="SIP messages")).to_be_visible()
        await page.get_by_role("tab", name="Timeline").click()
        picture = page.get_by_role("img", name="Timeline")
        await expect(picture).to_be_visible()
        assert await picture.evaluate("e => e.naturalWidth") > 600
        async with page.expect_download() as saved:
            await page.get_by_role("button", name="Download the bundle").click()
        with ZipFile(await (await saved.value).path()) as bundle:
            assert "call.json" in bundle.namelist()


async def test_all_of_it_works_by_keyboard(stage: Stage, browser: Chromium) -> None:
    async with opened(browser, stage.server, stage.token()) as page:
        await page.keyboard.press("Tab")
        for _ in range(40):
            if await page.evaluate("document.activeElement.textContent") == "Skip to content":
                break
            await page.keyboard.press("Shift+Tab")
        await page.keyboard.press("Enter")
        await expect(page.locator("main")).to_be_focused()
        await page.keyboard.press("?")
        help_ = page.get_by_role("dialog", name="Keyboard shortcuts")
        await expect(help_).to_contain_text("Next call")
        assert await violations(page) == []
        await page.keyboard.press("Escape")
        await expect(help_).to_have_count(0)
        await page.keyboard.press("j")
        await expect(page.get_by_role("link", name="Bob Jones")).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(page.locator("main h1")).to_contain_text("Bob Jones")
        await page.keyboard.press("w")
        await expect(page.get_by_label("Words")).to_be_focused()
        await page.keyboard.press("Tab")
        await expect(page.get_by_role("button", name="Whisper to agent")).to_be_focused()
        await page.keyboard.press("x")
        ask = page.get_by_role("dialog", name="Hang up on the caller?")
        await expect(ask.get_by_role("button", name="Hang up")).to_be_focused()
        await page.keyboard.press("Escape")
        await expect(ask).to_have_count(0)
        tab = page.get_by_role("tab", name="Turns")
        await tab.focus()
        await page.keyboard.press("ArrowRight")
        await expect(page.get_by_role("tab", name="Tools and policy")).to_have_attribute(
            "aria-selected", "true"
        )
        await expect(page.get_by_role("table", name="Tools and policy")).to_contain_text("Denied")
        await page.keyboard.press("g")
        await page.keyboard.press("c")
        await expect(page.locator("main h1")).to_have_text("Calls")


async def test_a_viewer_sees_all_and_is_offered_nothing_that_would_be_refused(
    stage: Stage, browser: Chromium
) -> None:
    async with opened(
        browser, stage.server, stage.token("viewer"), f"calls/{stage.calls['talking'].call_id}"
    ) as page:
        await expect(page.locator("main")).to_contain_text("may look on, not act")
        for name in ("Hold", "Hang up", "Transfer", "Whisper to agent", "Send"):
            await expect(page.get_by_role("button", name=name, exact=True)).to_be_disabled()
        await expect(page.get_by_role("link", name="Browser phone")).to_have_count(0)
        await go(page, "live")
        await expect(page.get_by_role("button", name="Call out…")).to_have_count(0)
        await go(page, "plans")
        await expect(page.get_by_role("button", name="Reload")).to_be_disabled()


async def test_a_token_that_is_revoked_ends_the_session_wherever_it_is(
    stage: Stage, browser: Chromium
) -> None:
    http: Any = stage.server.gateway.http
    async with opened(browser, stage.server, stage.token("operator")) as page:
        await expect(page.locator(".wire").first).to_have_text("Connected")
        without = {name: t for name, t in stage.tokens.api.tokens.items() if name != "operator"}
        http.reload(stage.tokens.api.model_copy(update={"tokens": without}))
        await expect(page.get_by_role("alert").filter(has_text="does not accept")).to_be_visible()
        assert await page.evaluate("sessionStorage.length") == 0
        http.reload(stage.tokens.api)
        await page.get_by_label("Token").fill("sa_of_nobody_at_all")
        await page.get_by_role("button", name="Sign in").click()
        await expect(page.get_by_text("does not know that token")).to_be_visible()
        await page.get_by_label("Token").fill(stage.token("operator"))
        await page.get_by_role("button", name="Sign in").click()
        await expect(page.locator("main h1")).to_have_text("Live calls")
        await page.get_by_role("button", name="Sign out").first.click()
        await expect(page.get_by_label("Token")).to_have_value("")


async def test_calls_on_record_are_searched_and_the_search_can_be_kept(
    stage: Stage, browser: Chromium
) -> None:
    async with opened(browser, stage.server, stage.token(), "calls?plan=night") as page:
        await expect(page.get_by_role("row")).to_have_count(2)
        await expect(page.locator("tbody")).to_contain_text("Failed 486")
        await page.get_by_label("Plan").fill("")
        await page.get_by_label("Words said").fill("umbrella")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("link", name="Ann Smith")).to_be_visible()
        assert "text=umbrella" in page.url
        async with page.expect_download() as saved:
            await page.get_by_role("button", name="Save as CSV").click()
        table = (await (await saved.value).path()).read_text()
        assert table.splitlines()[0].startswith("call_id,")
        await page.get_by_label("SIP status").fill("9")
        await page.get_by_label("Words said").fill("nobody said this")
        await page.get_by_label("SIP status").fill("")
        await page.get_by_role("button", name="Search").click()
        await expect(page.get_by_text("No such call")).to_be_visible()


async def test_a_lost_connection_is_shown_and_what_was_missed_is_told(
    stage: Stage, browser: Chromium
) -> None:
    http: Any = stage.server.gateway.http
    feed = stage.server.gateway.live.feed
    async with opened(browser, stage.server, stage.token("operator")) as page:
        wire = page.locator(".wire").first
        await expect(wire).to_have_text("Connected")
        stage.calls["talking"].said("caller", "are you there")
        await expect(page.get_by_text("are you there")).to_be_visible()
        await page.route("**/v1/events*", lambda route: route.abort())
        # the token may do something else now: what lives on it is cut
        tokens = dict(stage.tokens.api.tokens)
        tokens["operator"] = tokens["operator"].model_copy(update={"verbs": frozenset({"say"})})
        http.reload(stage.tokens.api.model_copy(update={"tokens": tokens}))
        await expect(wire).to_have_text("Connection lost")
        await expect(page.get_by_role("region", name="Connection")).to_contain_text("out of date")
        unseen = Warned(call_id="nobody", code="looked", detail="away")
        for _ in range(20_100):
            feed.happened(unseen)
        await page.unroute("**/v1/events*")
        await expect(wire).to_have_text("Connected")
        await expect(page.get_by_text("Some events were missed while")).to_be_visible()
        await expect(page.get_by_role("region", name="Connection")).to_have_count(0)
        await expect(page.get_by_role("row").filter(has_text="Bob Jones")).to_be_visible()
        assert await violations(page) == []
    http.reload(stage.tokens.api)
    browser.trouble.clear()


async def test_a_document_is_checked_and_the_server_reloaded_from_the_page(
    stage: Stage, browser: Chromium
) -> None:
    async with opened(browser, stage.server, stage.token(), "plans") as page:
        document = page.get_by_label("A dialplan, YAML or JSON")
        await document.fill("sections:\n  main: [anser]")
        await page.get_by_role("button", name="Check").click()
        await expect(page.locator(".findings")).to_contain_text("did you mean answer?")
        await expect(page.locator(".findings")).to_contain_text("line 2")
        await document.fill("sections: {main: [answer, hangup]}")
        await page.get_by_role("button", name="Check").click()
        await expect(page.get_by_text("It could be loaded")).to_be_visible()
        await page.get_by_role("button", name="Reload").click()
        await expect(page.get_by_text("Everything is in force as it is written.")).to_be_visible()
        await page.get_by_role("link", name="reception").click()
        await expect(page.get_by_role("img", name="Graph of the plan")).to_contain_text("orders")
