"""A real browser calls an agent with the page of the package, speaks, and is understood."""

from pathlib import Path

import pytest

from sipagent.config import Webrtc
from sipagent.events import LegMedia, Said
from sipagent.testing.audio import RATE, write_wav
from sipagent.testing.chromium import chromium
from sipagent.testing.server import running
from sipagent.testing.sounding import the
from sipagent.testing.voice import speak
from tests.api.door import FEW, Tokens, base

PLAN = """
routes: [{to: "100"}]
agents:
  desk:
    greeting: "Hello."
    silence_seconds: 600
    intents:
      hours: {phrases: ["when are you open"], say: "From nine to five."}
sections:
  main: [answer, {ai: {agent: desk}}, hangup]
"""


@pytest.mark.slow
async def test_a_browser_asks_an_agent_and_reads_the_answer(tmp_path: Path) -> None:
    tokens, question = Tokens(), tmp_path / "question.wav"
    # the microphone is heard from the moment on at which it is opened: before the call is up
    write_wav(question, bytes(RATE * 2 * 4) + speak("When are you open?") + bytes(RATE * 2 * 20))
    async with (
        running(tmp_path, PLAN, limits=FEW, api=tokens.api, webrtc=Webrtc()) as server,
        chromium(question) as browser,
    ):
        page = await browser.page(f"{base(server)}/phone/#token={tokens.of['operator']}&to=100")
        await page.click("text=Call")
        answer: Said = await the(server, Said, text="From nine to five.")
        assert answer.speaker == "agent"
        await page.wait_for_selector("text=From nine to five.")
        await page.click("text=Hang up")
        ended = await server.ended()
        assert (ended.by, ended.status) == ("caller", 200)
        media: LegMedia = await the(server, LegMedia)
        assert media.codec == "opus"
        assert browser.trouble == []
        assert "token" not in page.url
