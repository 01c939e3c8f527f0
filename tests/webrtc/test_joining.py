"""Pages and SIP phones together: put through either way, and mixed; each hears the other."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from sipagent.config import Limits, Webrtc
from sipagent.events import CallEnded, LegChanged, VerbDone
from sipagent.testing.call import PhoneCall
from sipagent.testing.phone import Phone
from sipagent.testing.pitch import LEVEL, sine, strengths
from sipagent.testing.server import running
from sipagent.testing.sounding import the
from tests.api.door import Tokens, client

from .page import Page, page

pytestmark = pytest.mark.slow
OURS, THEIRS = 470, 1070
PATIENCE = 40.0
POLICY = 'policy: {destinations: ["sip:bob@127.0.0.1:*", "web:alice", "conference:team"]}'
PLANS = {
    "through": f"""
routes: [{{to: "100"}}]
{POLICY}
sections: {{main: [answer, {{transfer: {{to: "BOB", mode: attended}}}}]}}
""",
    "to_page": f"""
routes: [{{to: "101"}}]
{POLICY}
sections: {{main: [{{connect: {{to: "web:alice", timeout: 30}}}}, hangup]}}
""",
    "team": f"""
routes: [{{to: "102"}}]
{POLICY}
sections: {{main: [{{join_conference: {{name: team, beep: false}}}}, hangup]}}
""",
}


async def hear_each_other(alice: Page, bob: PhoneCall) -> None:
    """Both sound until each has heard the other, and not itself. Raises TimeoutError."""
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


class Listening:
    """A page's stream of rings."""

    def __init__(self, response: httpx.Response) -> None:
        self._lines = response.aiter_lines()

    async def begun(self) -> None:
        assert await anext(self._lines) == ": listening"

    async def next(self) -> tuple[str, dict[str, str]]:
        """What comes next, and what is said of it."""
        async with asyncio.timeout(PATIENCE):
            kind = ""
            async for line in self._lines:
                if line.startswith("event: "):
                    kind = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    return kind, json.loads(line.removeprefix("data: "))
        raise EOFError


@asynccontextmanager
async def listening(http: httpx.AsyncClient, name: str) -> AsyncIterator[Listening]:
    async with http.stream("GET", "/v1/webrtc/listen", params={"name": name}) as response:
        assert response.status_code == 200
        stream = Listening(response)
        await stream.begun()
        yield stream


async def test_pages_and_sip_phones_are_put_through_to_each_other(tmp_path: Path) -> None:
    tokens = Tokens()
    async with (
        Phone(user="bob") as bob,
        running(
            tmp_path,
            {name: text.replace("BOB", bob.uri) for name, text in PLANS.items()},
            limits=Limits(warm=2),
            api=tokens.api,
            webrtc=Webrtc(),
        ) as server,
        client(server, tokens.of["operator"]) as http,
    ):
        # from a page to a SIP phone; there is no REFER to a page, so that we stay between
        async with page(http) as alice:
            await alice.call(to="100")
            call = await bob.wait_call()
            await hear_each_other(alice, call)
            await call.hangup()
            assert (await alice.state("ended"))["status"] == 200
            await server.ended()

        # from a SIP phone to a page that listens: nobody, one who declines, one who answers
        nobody = await bob.dial(server.uri("101"))
        refused: VerbDone = await the(server, VerbDone, verb="connect")
        assert (refused.status, refused.ok) == (480, False)
        await nobody.wait_ended()
        await server.ended(2)
        async with listening(http, "alice") as rings, page(http) as alice:
            unwanted = await bob.dial(server.uri("101"))
            kind, ring = await rings.next()
            assert (kind, ring["caller"]) == ("ring", f"sip:bob@127.0.0.1:{bob.address[1]}")
            assert (await http.delete(f"/v1/webrtc/rings/{ring['ring']}")).status_code == 204
            await unwanted.wait_ended()
            assert (await rings.next())[0] == "over"
            await server.ended(3)

            wanted = await bob.dial(server.uri("101"))
            _, ring = await rings.next()
            await alice.call(ring=ring["ring"])
            assert (await rings.next())[0] == "over"
            late = await alice.http.post(
                "/v1/webrtc",
                params={"ring": ring["ring"]},
                content=alice.pc.localDescription.sdp,
                headers={"content-type": "application/sdp"},
            )
            assert late.status_code == 410
            await wanted.wait_answered()
            await hear_each_other(alice, wanted)
            alice.say({"type": "hangup"})
            await wanted.wait_ended()
            ended: CallEnded = await server.ended(4)
            assert ended.by in ("plan", "caller")
            webs = [
                e.state
                for e in server.events
                if isinstance(e, LegChanged) and e.remote == "web:alice"
            ]
            assert webs[-3:] == ["early", "confirmed", "disconnected"]
            states = [s["state"] for s in alice.states]
            assert states[0] == "up"


async def test_a_page_and_a_sip_phone_meet_in_a_conference(tmp_path: Path) -> None:
    tokens = Tokens()
    async with (
        Phone(user="bob") as bob,
        running(
            tmp_path,
            PLANS["team"],
            limits=Limits(warm=2),
            api=tokens.api,
            webrtc=Webrtc(),
        ) as server,
        client(server, tokens.of["operator"]) as http,
        page(http) as alice,
    ):
        await alice.call(to="102")
        call = await bob.dial(server.uri("102"))
        await call.wait_answered()
        await hear_each_other(alice, call)
        await alice.close()  # as a page that is closed
        ended = await server.ended()
        assert (ended.by, ended.status) == ("caller", 200)
