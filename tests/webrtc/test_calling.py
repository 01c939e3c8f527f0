"""Calls from web pages: to plans and agents, by real workers; aiortc is the browser."""

from pathlib import Path

import pytest

from sipagent.config import Webrtc
from sipagent.events import (
    CallStarted,
    DigitReceived,
    LegChanged,
    LegHeld,
    LegMedia,
    MessageReceived,
    Said,
)
from sipagent.testing.server import running
from sipagent.testing.sounding import the
from tests.api.door import FEW, Tokens, client

from .page import page

PLAN = """
routes: [{to: "100"}]
agents:
  desk:
    greeting: "This is Rossi."
    silence_seconds: 600
    intents: {hours: {phrases: ["when are you open"], digits: "5", say: "Now."}}
sections:
  main: [answer, {ai: {agent: desk}}, hangup]
"""


@pytest.mark.slow
async def test_a_page_calls_an_agent_and_hangs_up(tmp_path: Path) -> None:
    tokens = Tokens()
    async with (
        running(tmp_path, PLAN, limits=FEW, api=tokens.api, webrtc=Webrtc()) as server,
        client(server, tokens.of["operator"]) as http,
        page(http) as alice,
    ):
        await alice.call(to="100")
        await alice.state("up")
        started: CallStarted = await the(server, CallStarted, call_id=alice.call_id)
        assert (started.caller, started.callee) == ("web:operator", "100")
        await the(server, Said, text="This is Rossi.")
        alice.say({"type": "digits", "digits": "5"})
        key: DigitReceived = await the(server, DigitReceived)
        assert (key.digit, key.method) == ("5", "webrtc")
        await the(server, Said, text="Now.")
        # an operator may read calls, so the page is shown what happens in its own
        await alice.until(lambda: any(e.get("text") == "Now." for e in alice.events))
        # on hold it is told so, and keys reach it as messages
        verbs = f"/v1/calls/{alice.call_id}/verbs"
        assert (await http.post(f"{verbs}/hold", json={"signalled": True})).json()["ok"]
        await alice.state("held")
        assert (await http.post(f"{verbs}/resume", json={})).json()["ok"]
        await the(server, LegHeld, on_hold=False)
        assert (await http.post(f"{verbs}/send_digits", json={"digits": "12#"})).json()["ok"]
        await alice.until(lambda: alice.digits == "12#")
        alice.say({"type": "text", "text": "Order 12, please."})
        await the(server, MessageReceived, text="Order 12, please.", sender="web:operator")
        # what is no message of ours is nothing
        for odd in ({"type": "digits", "digits": ["x", 5]}, {"type": 5}, {}, {"type": "text"}):
            alice.say(odd)
        await alice.hang_up()
        ended = await server.ended()
        assert (ended.by, ended.status) == ("caller", 200)
        media: LegMedia = await the(server, LegMedia)
        assert media.codec == "opus" and media.received > 20 and media.sent > 20
        assert (await alice.state("ended"))["status"] == 200
        states = [e.state for e in server.events if isinstance(e, LegChanged)]
        assert states == ["incoming", "confirmed", "disconnected"]
