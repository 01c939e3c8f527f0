"""Taps: where a call's audio may go, what is sent, and that a broken wire ends no call."""

import asyncio
from typing import Any

import pytest

from sipagent.call.leg import LegState
from sipagent.call.policy import Policy
from sipagent.call.tap_uri import tap_matches
from sipagent.call.target import BadTarget
from sipagent.call.verb import Outcome
from sipagent.events import TapStarted, TapStopped
from sipagent.testing.audio import rms
from sipagent.testing.fakes import FakeCall, a_call, tone
from sipagent.testing.taps import FakeTapWires
from sipagent.testing.virtual import virtual_time
from sipagent.verbs import VERBS

URI = "rtp://192.0.2.1:4000"


async def do(call: FakeCall, verb: str, *patterns: str, **arguments: Any) -> Outcome:
    policy = Policy(taps=patterns or (URI, "wss://media.example"))
    return await call.control("dialplan", policy).do(VERBS[verb].model_validate(arguments))


def a_tapped_call() -> tuple[FakeCall, FakeTapWires]:
    wires = FakeTapWires()
    return a_call(tap_wires=wires), wires


@pytest.mark.parametrize(
    ("uri", "pattern", "fits"),
    [
        ("rtp://192.0.2.1:4000", "rtp://192.0.2.1:4000", True),
        ("RTP://192.0.2.1:4000", "rtp://192.0.2.1:*", True),
        ("rtp://192.0.2.1:4000", "rtp://192.0.2.1:4001", False),
        ("rtp://192.0.2.1:4000", "rtp://192.0.2.1", False),
        ("rtp://[2001:db8::1]:4000", "rtp://[2001:db8::1]:*", True),
        ("wss://Media.Example/a/b?c=d", "wss://media.example", True),
        ("wss://media.example:443/a", "wss://media.example/*", True),
        ("wss://media.example:444/a", "wss://media.example/*", False),
        ("ws://media.example/a", "wss://media.example/*", False),
        ("ws://eu.media.example/calls/1", "ws://*.media.example/calls/*", True),
        ("ws://evil.example/x.media.example/calls/1", "ws://*.media.example/calls/*", False),
        ("ws://evil.example:80/", "ws://media.example*/", False),
    ],
)
def test_a_tap_goes_only_where_a_pattern_says(uri: str, pattern: str, fits: bool) -> None:
    assert tap_matches(uri, pattern) is fits


@pytest.mark.parametrize(
    "uri",
    [
        "rtp://192.0.2.1", "rtp://192.0.2.1:4000/x", "http://media.example/", "ws://",
        "ws://media.example@evil.example/", "ws://media.example:99999/", "rtp://h:1#f", "",
    ],
)  # fmt: skip
def test_what_is_no_tap_uri_is_told(uri: str) -> None:
    with pytest.raises(BadTarget):
        tap_matches(uri, "*")


@virtual_time
async def test_nothing_is_sent_where_no_policy_permits_it() -> None:
    call, wires = a_tapped_call()
    outcome = await call.control().do(VERBS["tap"].model_validate({"uri": URI}))
    assert (outcome.ok, outcome.detail) == (False, f"{URI} is not an allowed tap")
    outcome = await do(call, "stream", url="wss://other.example/")
    assert outcome.status == 403
    assert wires.wires == []


@pytest.mark.swml("verb", "stop_tap", "the newest, or by control_id")
@virtual_time
async def test_each_track_has_its_own_side_of_the_call() -> None:
    call, wires = a_tapped_call()
    assert (await do(call, "tap", uri=URI, direction="both", control_id="t")).ok
    assert call.session.scope["vars"]["tap_control_id"] == "t"
    await call.caller.far.speak(200, then_quiet=100)
    end_of_speech = call.bridge.clock.t
    await do(call, "play", url="say:hello")
    assert (await do(call, "stop_tap")).ok
    (wire,) = wires.wires
    assert wire.closed
    loud = {track: [t for kind, pcm, t in wire.sent if kind == track and rms(pcm) > 100]
            for track in ("speak", "listen")}  # fmt: skip
    assert loud["speak"]
    assert max(loud["speak"]) < end_of_speech <= min(loud["listen"])
    assert [event.tracks for event in call.all(TapStarted)] == [("speak", "listen")]
    assert [event.reason for event in call.all(TapStopped)] == ["stopped"]


@pytest.mark.swml("verb", "stop_stream", "the newest, or by control_id")
@virtual_time
async def test_what_a_server_sends_back_is_heard_by_the_caller_until_it_says_clear() -> None:
    call, wires = a_tapped_call()
    await do(call, "stream", url="wss://media.example/x", custom_parameters={"a": 1})
    (wire,) = wires.wires
    assert wire.order.about["parameters"] == {"a": 1}
    wire.say(tone(500))
    await asyncio.sleep(1)
    assert rms(call.caller.far.heard_pcm()) > 100
    start = call.bridge.clock.t
    wire.say(tone(1500))
    await asyncio.sleep(0.2)
    wire.say(None)
    await asyncio.sleep(2)
    loud = [frame for frame in call.caller.far.heard if frame.t >= start and rms(frame.pcm) > 100]
    assert 5 <= len(loud) <= 15
    assert (await do(call, "stop_stream")).ok
    assert wire.closed


@virtual_time
async def test_a_wire_that_breaks_ends_its_tap_and_not_the_call() -> None:
    call, wires = a_tapped_call()
    await do(call, "tap", uri=URI)
    wires.wires[0].break_off("gone")
    await asyncio.sleep(0.1)
    assert [event.reason for event in call.all(TapStopped)] == ["gone"]
    assert call.caller.state is LegState.CONFIRMED
    assert not (await do(call, "stop_tap")).ok
    assert (await do(call, "tap", uri=URI)).ok


@virtual_time
async def test_a_server_that_cannot_be_had_fails_the_step_only() -> None:
    call = a_call(tap_wires=FakeTapWires(refuses="connection refused"))
    outcome = await do(call, "tap", uri=URI)
    assert (outcome.ok, outcome.detail) == (False, "connection refused")
    assert call.session.scope["vars"]["tap_result"] == "failed"
    assert call.all(TapStarted) == []


@virtual_time
async def test_a_tap_ends_with_its_call() -> None:
    call, wires = a_tapped_call()
    await do(call, "tap", uri=URI)
    await do(call, "tap", uri=URI, control_id="second")
    await call.close()
    assert [wire.closed for wire in wires.wires] == [True, True]
    assert {event.reason for event in call.all(TapStopped)} == {"the call ended"}
