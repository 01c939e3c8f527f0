"""An operator at the console: calls an agent from the browser and is put through to a softphone;
takes a caller over into the browser. Real Chromium, real SIP, sound both ways.
"""

import asyncio
import re
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from sipagent.config import Webrtc
from sipagent.events import CallStarted, LegChanged, Said, VerbDone
from sipagent.testing.audio import RATE, rms, samples, write_wav
from sipagent.testing.baresip import Baresip
from sipagent.testing.chromium import chromium
from sipagent.testing.phone import Phone
from sipagent.testing.pitch import sine
from sipagent.testing.server import Server, running
from sipagent.testing.sounding import dial, the
from sipagent.testing.voice import speak

from ..api.door import FEW, Tokens
from .browser import WIDTHS, opened, shot

pytestmark = [pytest.mark.peer, pytest.mark.slow, pytest.mark.xdist_group("console")]

WORDS = "connect me to the sales department"
PLAN = """
routes: [{to: "100"}]
agents:
  desk:
    greeting: "Rossi and Sons, good morning."
    silence_seconds: 600
    tools: [transfer]
    intents:
      sales:
        phrases: ["connect me to the sales department"]
        say: "One moment please."
        do: {transfer: {to: "SALES"}}
policy: {destinations: ["sip:sales@127.0.0.1:*", "web:operator"]}
sections:
  main: [answer, {record_call: {stereo: true}}, {ai: {agent: desk}}, hangup]
"""
PITCH, PATIENCE = 1070, 30.0
#: of a meter, 0 to 100
QUIET, LOUD = re.compile("^[0-9]$"), re.compile("^[4-9][0-9]$")
#: how loud that tone is in what the page hears, dB of full scale, as its own analyser says
LISTEN = """async (hertz) => {
  const { line } = await import("/console/js/parts/line.js");
  const context = new AudioContext();
  await context.resume();
  const analyser = context.createAnalyser();
  analyser.fftSize = 4096;
  context.createMediaStreamSource(line.streams.heard).connect(analyser);
  const bins = new Float32Array(analyser.frequencyBinCount);
  const width = context.sampleRate / analyser.fftSize;
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    analyser.getFloatFrequencyData(bins);
    const most = bins.indexOf(Math.max(...bins));
    if (bins[most] > -60 && Math.abs(most * width - hertz) < 3 * width) {
      await context.close();
      return bins[most];
    }
  }
}"""


async def hears_the_tone(page: Page) -> None:
    """Returns once the page does. Raises TimeoutError."""
    async with asyncio.timeout(PATIENCE):
        assert await page.evaluate(LISTEN, PITCH) > -60


def voice_heard(phone: Baresip) -> bool:
    """Words came to it: some seconds are loud, and those between them quiet."""
    heard = samples(phone.heard())
    seconds = [rms(heard[at : at + RATE].tobytes()) for at in range(0, len(heard) - RATE, RATE)]
    return bool(seconds) and max(seconds) > 300 and min(seconds) < max(seconds) / 5


async def all_left(server: Server) -> None:
    await server.ended()
    await server.idle()
    legs = {e.leg: e.state for e in server.events if isinstance(e, LegChanged)}
    assert set(legs.values()) == {"disconnected"}


async def test_an_operator_calls_an_agent_is_understood_and_put_through(tmp_path: Path) -> None:
    tokens, voice = Tokens(), tmp_path / "voice.wav"
    # asked again after a while, as a person would; a loaded machine may need it
    write_wav(voice, bytes(RATE * 7) + speak(WORDS) + bytes(RATE * 3))
    async with (
        Baresip(user="sales", answer="auto") as sales,
        running(
            tmp_path, PLAN.replace("SALES", sales.uri), limits=FEW, api=tokens.api, webrtc=Webrtc()
        ) as server,
        chromium(
            size=WIDTHS["desk"],
            arguments=(f"--use-file-for-fake-audio-capture={voice}",),
        ) as browser,
        opened(browser, server, tokens.of["operator"], "phone") as page,
    ):
        await page.get_by_label("Number").fill("100")
        await page.get_by_role("button", name="Call", exact=True).click()
        captions = page.get_by_role("region", name="Transcript")
        await expect(captions).to_contain_text("good morning")
        await expect(captions).to_contain_text(WORDS)
        await expect(captions).to_contain_text("One moment please.")
        await shot(page, "journey-captions")
        done: VerbDone = await the(server, VerbDone, verb="transfer")
        assert done.ok
        await sales.play(sine(PITCH, 60.0))
        await hears_the_tone(page)
        # the microphone says its words again and again: once more, from begin to end
        for loud in (False, True, False):
            await expect(page.get_by_role("meter", name="You")).to_have_attribute(
                "aria-valuenow", LOUD if loud else QUIET
            )
        # the call goes on while the operator looks at it
        await page.get_by_role("link", name="Open this call").click()
        await expect(page.get_by_role("region", name="Facts")).to_contain_text("sales")
        await expect(page.locator(".phonebar")).to_contain_text("On the phone with")
        await shot(page, "journey-through")
        await page.locator(".phonebar").get_by_role("button", name="Hang up").click()
        await sales.wait_event("CALL_CLOSED", timeout=20)
        await all_left(server)
        await expect(page.locator("main .bar")).to_contain_text("Ended")
        player = page.get_by_role("region", name="Recording")
        await expect(player.get_by_role("button", name="Play")).to_be_enabled()
        await shot(page, "journey-record")
        assert voice_heard(sales)
        assert browser.trouble == []


async def test_an_operator_takes_a_caller_over_into_the_browser(tmp_path: Path) -> None:
    tokens = Tokens()
    async with (
        Phone(user="alice") as alice,
        running(
            tmp_path,
            PLAN.replace("SALES", "sip:sales@127.0.0.1:9"),
            limits=FEW,
            api=tokens.api,
            webrtc=Webrtc(),
        ) as server,
        chromium(size=WIDTHS["desk"]) as browser,
        opened(browser, server, tokens.of["operator"]) as page,
    ):
        call = await dial(alice, server, "100")
        await page.get_by_role("row").filter(has_text="alice").get_by_role("link").click()
        await the(server, Said, speaker="agent")
        await page.get_by_label("Words").fill("The caller is in a hurry.")
        await page.get_by_role("button", name="Whisper to agent").click()
        log = page.get_by_role("log")
        await expect(log).to_contain_text("the agent was told")
        await page.get_by_label("To a phone, number or SIP URI").fill("sip:eve@evil.example")
        await page.get_by_role("button", name="Transfer", exact=True).click()
        await expect(log.get_by_role("listitem").first).to_contain_text("(403)")
        await page.get_by_role("button", name="Take over here").click()
        await expect(page.locator(".phonebar")).to_contain_text("On the phone with")
        await expect(log.get_by_role("listitem").first).to_contain_text("Done")
        await expect(page.get_by_role("region", name="Facts")).to_contain_text("operator")
        sounding = asyncio.create_task(call.play(sine(PITCH, 60.0)))
        await hears_the_tone(page)
        sounding.cancel()
        await asyncio.gather(sounding, return_exceptions=True)
        await shot(page, "journey-taken-over")
        # without a file its microphone beeps: that comes to the caller
        await server.wait_for(lambda: rms(call.stream.heard.pcm()[-RATE * 4 :]) > 100)
        await page.get_by_label("Actions").get_by_role("button", name="Hang up").click()
        await page.get_by_role("dialog").get_by_role("button", name="Hang up").click()
        await call.wait_ended()
        await all_left(server)
        started: CallStarted = await the(server, CallStarted)
        assert "alice" in started.caller
        assert browser.trouble == []
