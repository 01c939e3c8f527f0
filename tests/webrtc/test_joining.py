"""Pages and SIP phones together: put through either way, and mixed; each hears the other."""

import asyncio
from pathlib import Path

import pytest

from sipagent.config import Webrtc
from sipagent.testing.call import PhoneCall
from sipagent.testing.phone import Phone
from sipagent.testing.pitch import LEVEL, sine, strengths
from sipagent.testing.server import running
from tests.api.door import FEW, Tokens, client

from .page import Page, page

OURS, THEIRS = 470, 1070
PATIENCE = 20.0
POLICY = 'policy: {destinations: ["sip:bob@127.0.0.1:*", "web:alice", "conference:team"]}'
PLANS = {
    "through": f"""
routes: [{{to: "100"}}]
{POLICY}
sections: {{main: [answer, {{transfer: {{to: "BOB"}}}}]}}
""",
    "to_page": f"""
routes: [{{to: "101"}}]
{POLICY}
sections: {{main: [{{connect: {{to: "web:alice", timeout: 10}}}}, hangup]}}
""",
    "team": f"""
routes: [{{to: "102"}}]
{POLICY}
sections: {{main: [{{join_conference: {{name: team, beep: false}}}}, hangup]}}
""",
}


def plans(bob: Phone) -> dict[str, str]:
    return {name: text.replace("BOB", bob.uri) for name, text in PLANS.items()}


async def hear_each_other(alice: Page, bob: PhoneCall) -> None:
    """Each sounds until the other is heard by both. Raises TimeoutError."""
    async with asyncio.timeout(PATIENCE):
        while True:
            alice.sound(OURS, 1.2)
            await bob.play(sine(THEIRS))
            await asyncio.sleep(0.2)
            mine, theirs = alice.loudness(OURS, THEIRS)
            pcm = bob.stream.heard.pcm()[-16_000:]
            own, other = (level / LEVEL for level in strengths(pcm, (THEIRS, OURS)))
            if theirs > 0.3 and other > 0.3 and mine < 0.1 and own < 0.1:
                return


@pytest.mark.slow
async def test_a_page_is_put_through_to_a_sip_phone_and_both_hear_each_other(
    tmp_path: Path,
) -> None:
    tokens = Tokens()
    async with (
        Phone(user="bob") as bob,
        running(
            tmp_path,
            plans(bob),
            limits=FEW,
            api=tokens.api,
            webrtc=Webrtc(),
        ) as server,
        client(server, tokens.of["operator"]) as http,
        page(http) as alice,
    ):
        await alice.call(to="100")
        call = await bob.wait_call()
        await alice.state("up")
        await hear_each_other(alice, call)
        await call.hangup()
        assert (await alice.state("ended"))["status"] == 200
        await server.ended()
