"""The RELAY door by its frames: who comes in, which calls they get, what they are told."""

import asyncio
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from sipagent.call.verb import Outcome
from sipagent.events import DriveChanged, RecordingStopped

from .party import Bare, PretendedCalls, a_door, bare


def code(answer: dict[str, Any]) -> str:
    found: str = answer["result"]["code"]
    return found


async def taken(client: Bare, calls: PretendedCalls, call_id: str = "c1") -> dict[str, Any]:
    """A call was offered to the client, and answered."""
    calls.offered(call_id)
    offer = await client.event("calling.call.receive", call_id=call_id)
    assert code(await client.ask("calling.answer", {"call_id": call_id})) == "200"
    return offer


@pytest.mark.parametrize(("project", "token"), [("p", "wrong"), ("q", None), ("p", "")])
async def test_who_has_no_token_is_told_to_go(project: str, token: str | None) -> None:
    calls = PretendedCalls()
    async with a_door(calls) as door, bare(door) as client:
        shown = {"project": project} | ({"token": token} if token is not None else {})
        answer = await client.ask("signalwire.connect", {"authentication": shown})
        assert (answer["error"]["code"], answer["error"]["message"]) == (-32002, "Unauthorized")
        with pytest.raises(ConnectionClosed):
            await client.ask("signalwire.ping", {})


async def test_nothing_is_answered_before_the_token_and_web_pages_are_not_let_in() -> None:
    async with a_door(PretendedCalls()) as door:
        async with bare(door) as client:
            with pytest.raises(ConnectionClosed):
                await client.ask("calling.dial", {})
        for path, headers in (("/x", {}), ("/", {"Origin": "https://evil.example"})):
            url = f"ws://127.0.0.1:{door.port}{path}"
            with pytest.raises(InvalidStatus):
                async with connect(url, additional_headers=headers):
                    pass


async def test_frames_that_are_none_are_answered_as_json_rpc_says() -> None:
    async with a_door(PretendedCalls()) as door, bare(door) as client:
        await client.login()
        for raw, wanted in (
            ("{", -32700),
            ("[" * 5000, -32700),
            ("[]", -32600),
            ('{"id": "x", "params": 5, "method": "a"}', -32600),
            ('{"id": "x", "method": "calling"}', -32601),
        ):
            await client.send(raw)
            answer = await client.frame(lambda frame: "error" in frame)
            assert answer["error"]["code"] == wanted
        await client.send('{"jsonrpc": "2.0", "id": "x", "result": {}}')
        assert "result" in await client.ask("signalwire.ping", {})
        assert code(await client.ask("calling.echo", {"call_id": "c"})) == "404"
        assert code(await client.ask("messaging.send", {})) == "501"


async def test_calls_of_a_context_go_to_its_clients_in_turn() -> None:
    calls = PretendedCalls()
    async with a_door(calls) as door, bare(door) as ann, bare(door) as bob:
        await ann.login("default")
        await bob.login("default", "office", "secret")
        calls.offered("c1")
        offer = await ann.event("calling.call.receive", call_id="c1")
        assert (offer["context"], offer["call_state"]) == ("default", "ringing")
        assert offer["device"]["params"] == {"from_number": "+44100", "to_number": "400"}
        calls.offered("c2")
        await bob.event("calling.call.receive", call_id="c2")
        calls.offered("c3", "office")
        await bob.event("calling.call.receive", call_id="c3")
        # not ann's
        assert code(await ann.ask("calling.answer", {"call_id": "c2"})) == "404"
        refused = await ann.ask("signalwire.receive", {"contexts": ["secret"]})
        assert code(refused) == "403"
        assert code(await ann.ask("signalwire.receive", {"contexts": ["office"]})) == "200"


async def test_a_call_waits_for_a_client_and_one_who_passes_it_leaves_it_to_the_next() -> None:
    calls = PretendedCalls()
    async with a_door(calls) as door, bare(door) as ann, bare(door) as bob:
        await ann.login()
        calls.offered("c1")
        await asyncio.sleep(0)
        await ann.ask("signalwire.receive", {"contexts": ["default"]})
        await ann.event("calling.call.receive", call_id="c1")
        await bob.login("default")
        await ann.ask("calling.pass", {"call_id": "c1"})
        await bob.event("calling.call.receive", call_id="c1")
        await bob.ask("calling.pass", {"call_id": "c1"})
        assert await calls.verb("give_back") == {"reason": "refused"}


async def test_a_lost_client_comes_back_to_its_calls_and_what_happened_meanwhile() -> None:
    calls = PretendedCalls()
    async with a_door(calls) as door:
        async with bare(door) as client:
            protocol = (await client.login("default"))["result"]["protocol"]
            await taken(client, calls)
        calls.leg("c1", "confirmed")
        async with bare(door) as again:
            answer = await again.login("default", protocol=protocol)
            assert answer["result"]["protocol"] == protocol
            await again.event("calling.call.state", call_id="c1", call_state="answered")
            assert code(await again.ask("calling.hold", {"call_id": "c1"})) == "200"
            await again.event("calling.call.hold", state="hold")


async def test_a_client_comes_back_before_its_loss_was_seen() -> None:
    calls = PretendedCalls()
    async with a_door(calls, grace=0.0) as door, bare(door) as client, bare(door) as again:
        protocol = (await client.login("default"))["result"]["protocol"]
        await taken(client, calls)
        await again.login("default", protocol=protocol)
        assert code(await again.ask("calling.hold", {"call_id": "c1"})) == "200"
        with pytest.raises(ConnectionClosed):
            await client.ask("signalwire.ping", {})
        assert "give_back" not in [verb for _, verb, _ in calls.done]


async def test_calls_of_a_client_that_stays_away_go_on_without_it() -> None:
    calls = PretendedCalls()
    async with a_door(calls, grace=0.0) as door:
        async with bare(door) as client:
            await client.login("default")
            await taken(client, calls)
        assert await calls.verb("give_back") == {"reason": "lost"}


async def test_a_call_that_a_client_drove_before_the_server_began_is_given_back() -> None:
    calls = PretendedCalls()
    calls.old.append(DriveChanged(call_id="old", t=0, change="taken", context="default"))
    async with a_door(calls, grace=0.0):
        assert await calls.verb("give_back") == {"reason": "lost"}


async def test_a_call_that_is_offered_again_is_anothers() -> None:
    calls = PretendedCalls()
    async with a_door(calls) as door, bare(door) as ann, bare(door) as bob:
        await ann.login("default")
        await taken(ann, calls)
        calls.happens(DriveChanged(call_id="c1", t=0, change="over", context="default"))
        await bob.login("office")
        calls.happens(DriveChanged(call_id="c1", t=0, change="offered", context="office"))
        await bob.event("calling.call.receive", call_id="c1")
        await ann.event("calling.call.state", call_id="c1", call_state="ended")
        assert code(await ann.ask("calling.end", {"call_id": "c1"})) == "404"
        assert code(await bob.ask("calling.end", {"call_id": "c1"})) == "200"


async def test_operations_are_told_by_their_control_id_and_end_before_the_call() -> None:
    calls = PretendedCalls()
    calls.outcomes = {"play": None, "connect": None}
    async with a_door(calls) as door, bare(door) as client:
        await client.login("default")
        await taken(client, calls)
        here = {"call_id": "c1", "control_id": "p1"}
        media = [{"type": "tts", "params": {"text": "hi", "language": "it-IT"}},
                 {"type": "silence", "params": {"duration": 2}},
                 {"type": "ringtone", "params": {"name": "us"}}]  # fmt: skip
        begun = await client.ask("calling.play", {**here, "play": media, "volume": 3, "loop": 2})
        assert begun["result"]["control_id"] == "p1"
        assert await calls.verb("play") == {
            "urls": ["say:hi", "silence:2", "ring:us"] * 2,
            "say_language": "it-IT",
            "control_id": "p1",
            "volume": 3,
        }
        again = await client.ask("calling.play", {**here, "play": media})
        assert code(again) == "409"
        assert code(await client.ask("calling.play.pause", here)) == "200"
        await client.event("calling.call.play", control_id="p1", state="paused")
        assert code(await client.ask("calling.play.volume", here)) == "501"
        assert code(await client.ask("calling.play.stop", here)) == "200"
        # told before the answer
        assert code(await client.ask("calling.play.stop", here)) == "404"
        calls.outcomes["play"] = Outcome(False, "no", status=403)
        assert code(await client.ask("calling.play", {**here, "play": media})) == "403"
        someone = [[{"type": "phone", "params": {"to_number": "+1", "from_number": "+2"}}]]
        await client.ask("calling.connect", {"call_id": "c1", "devices": someone})
        assert await calls.verb("connect") == {"serial_parallel": [[{"to": "+1", "from": "+2"}]]}
        calls.ends("c1")
        end = await client.event("calling.call.connect", connect_state="disconnected")
        assert end["call_id"] == "c1"
        ended = await client.event("calling.call.state", call_state="ended")
        assert ended["end_reason"] == "cancel"  # it never was answered
        assert code(await client.ask("calling.end", {"call_id": "c1"})) == "404"
        by = {(who.by, who.origin) for who in calls.principals}
        assert by == {("relay:p", "127.0.0.1")}


@pytest.mark.parametrize(
    ("outcome", "result"),
    [
        (Outcome(detail="match_digits", data={"value": "12", "terminator": "#"}),
         {"type": "digit", "params": {"digits": "12", "terminator": "#"}}),
        (Outcome(detail="match_speech", data={"value": "yes", "confidence": 0.913}),
         {"type": "speech", "params": {"text": "yes", "confidence": 91}}),
        (Outcome(detail="no_input"), {"type": "no_input"}),
        (Outcome(False, "no ears"), {"type": "error"}),
    ],
)  # fmt: skip
async def test_what_was_collected_is_told(outcome: Outcome, result: dict[str, Any]) -> None:
    calls = PretendedCalls()
    calls.outcomes["prompt"] = outcome
    async with a_door(calls) as door, bare(door) as client:
        await client.login("default")
        await taken(client, calls)
        wanted = {"digits": {"max": 4, "terminators": "#"}, "speech": {"hints": ["yes"]},
                  "initial_timeout": 7}  # fmt: skip
        params = {"call_id": "c1", "control_id": "x", **wanted}
        await client.ask("calling.collect", params)
        prompt = await calls.verb("prompt")
        assert (prompt["max_digits"], prompt["initial_timeout"], prompt["play"]) == (4, 7, [])
        assert prompt["speech_hints"] == ["yes"]
        told = await client.event("calling.call.collect", control_id="x")
        assert (told["result"], told["final"]) == (result, True)


async def test_a_recording_is_told_when_it_begins_and_when_it_is_whole() -> None:
    calls = PretendedCalls()
    async with a_door(calls) as door, bare(door) as client:
        await client.login("default")
        await taken(client, calls)
        audio = {"format": "wav", "stereo": True, "end_silence_timeout": 2}
        here = {"call_id": "c1", "control_id": "r1"}
        await client.ask("calling.record", {**here, "record": {"audio": audio}})
        assert await calls.verb("record_call") == {**audio, "control_id": "r1"}
        calls.happens(
            RecordingStopped(call_id="c1", t=0, control_id="r1", path="r1.wav", duration_ms=1500)
        )
        done = await client.event("calling.call.record", control_id="r1", state="finished")
        assert done["duration"] == 1.5


async def test_somebody_is_dialled_and_the_call_is_the_clients() -> None:
    calls = PretendedCalls()
    async with a_door(calls, dial_plan="out", dial_section="relay") as door, bare(door) as client:
        await client.login()
        device = {"type": "phone", "params": {"to_number": "+44200", "from_number": "+44100"}}
        params = {"tag": "t1", "devices": [[device]]}
        assert code(await client.ask("calling.dial", params)) == "200"
        (wish,) = calls.originated
        assert (wish.to, wish.caller_id, wish.plan, wish.section) == (
            "+44200", "+44100", "out", "relay",
        )  # fmt: skip
        calls.leg("out-1", "confirmed")
        calls.happens(DriveChanged(call_id="out-1", t=0, change="offered", context="default"))
        dialled = await client.event("calling.call.dial", tag="t1", dial_state="answered")
        assert dialled["call"]["call_id"] == "out-1"
        await client.event("calling.call.state", call_id="out-1", call_state="answered")
        assert code(await client.ask("calling.end", {"call_id": "out-1"})) == "200"

        await client.ask("calling.dial", {"tag": "t2", "devices": [[device]]})
        calls.ends("out-2", status=486)
        await client.event("calling.call.dial", tag="t2", dial_state="failed")
        many = {"tag": "t3", "devices": [[device, device]]}
        assert code(await client.ask("calling.dial", many)) == "501"


async def test_what_an_order_says_wrong_is_told_with_its_place() -> None:
    calls = PretendedCalls()
    async with a_door(calls) as door, bare(door) as client:
        await client.login("default")
        await taken(client, calls)
        for method, params, why in (
            ("play", {"control_id": "a", "play": []}, "play: is a list of objects"),
            ("play", {"control_id": "a", "play": [{"type": "video"}]}, "no media of type 'video'"),
            ("play", {"play": [{"type": "silence"}]}, "control_id: is 1 to 64 characters"),
            ("connect", {"devices": [[{"type": "phone"}]]}, "a device has nobody to call"),
            ("collect", {"control_id": "a"}, "needs digits or speech"),
            ("record", {"control_id": "a", "record": 5}, "record: needs audio"),
            ("detect", {"control_id": "a", "detect": {"type": "cat"}}, "nothing here detects"),
            ("tap", {"control_id": "a", "device": {"type": "rtp"}}, "addr: is missing"),
        ):
            answer = await client.ask(f"calling.{method}", {"call_id": "c1", **params})
            assert code(answer) == "400"
            assert why in answer["result"]["message"]


async def test_a_project_that_is_taken_out_is_cut_off() -> None:
    calls = PretendedCalls()
    async with a_door(calls) as door, bare(door) as client:
        await client.login("default")
        await taken(client, calls)
        door.reload(None)
        assert await calls.verb("give_back") == {"reason": "lost"}
        with pytest.raises(ConnectionClosed):
            while True:
                await client.ask("signalwire.ping", {})
