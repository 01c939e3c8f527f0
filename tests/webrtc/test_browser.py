"""A real browser calls an agent with the page of the package, speaks, and is understood."""

import asyncio
from pathlib import Path

import pytest

from sipagent.config import Webrtc
from sipagent.events import LegMedia, Said
from sipagent.testing.audio import RATE, write_wav
from sipagent.testing.chromium import chromium
from sipagent.testing.phone import Phone
from sipagent.testing.pitch import sine
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
TO_PAGE = """
routes: [{to: "101"}]
policy: {destinations: ["web:alice"]}
sections: {main: [{connect: {to: "web:alice", timeout: 15}}, hangup]}
"""
#: a page of somebody's own: it can be called, and answers what rings
LISTEN = """async (token) => {
  const { Phone } = await import("/phone/phone.js");
  const phone = (window.phone = new Phone({ token }));
  phone.onring = ({ ring }) => phone.answer(ring);
  await new Promise((ready, refused) => {
    phone.onlisten = (name, listens, why) => (listens ? ready() : refused(why));
    phone.listen("alice");
  });
}"""
#: wait for a state; the page's policy allows no strings to be run
BECOMES = """(state) => new Promise((done) => {
  const look = () => (window.phone.state === state ? done() : setTimeout(look, 50));
  look();
})"""
#: how loud it is where the other side is heard, 0..1
LOUDNESS = """async () => {
  const context = new AudioContext();
  const ears = context.createAnalyser();
  context.createMediaStreamSource(window.phone.audio.srcObject).connect(ears);
  const wave = new Float32Array(ears.fftSize);
  let most = 0;
  for (let look = 0; look < 200 && most < 0.03; look += 1) {
    await new Promise((go) => setTimeout(go, 50));
    ears.getFloatTimeDomainData(wave);
    most = Math.max(most, ...wave.map(Math.abs));
  }
  return most;
}
"""


@pytest.mark.slow
async def test_a_browser_asks_an_agent_and_is_called_by_a_sip_phone(tmp_path: Path) -> None:
    tokens, question = Tokens(), tmp_path / "question.wav"
    # heard from the moment on at which the microphone is opened, before the call is up: on a slow
    # machine the first of them comes too early
    once = bytes(RATE * 2 * 4) + speak("When are you open?")
    write_wav(question, 6 * once + bytes(RATE * 2 * 60))
    async with (
        Phone(user="bob") as bob,
        running(
            tmp_path,
            {"desk": PLAN, "to_page": TO_PAGE},
            limits=FEW,
            api=tokens.api,
            webrtc=Webrtc(),
        ) as server,
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
        assert "token" not in page.url

        await page.evaluate(LISTEN, tokens.of["operator"])
        call = await bob.dial(server.uri("101"))
        await page.evaluate(BECOMES, "up")
        await call.wait_answered()
        talking = asyncio.ensure_future(call.play(sine(470, 20)))
        assert await page.evaluate(LOUDNESS) > 0.03
        assert await page.evaluate("window.phone.press('7')")
        talking.cancel()
        await call.hangup()
        await page.evaluate(BECOMES, "ended")
        await server.ended(2)
        assert browser.trouble == []
