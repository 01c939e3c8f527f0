"""18x responses on both sides of us: early media, and PRACK (RFC 3262, RFC 3960)."""

import time
from typing import Any

import pytest

from sipagent.testing.audio import speech_like
from sipagent.testing.echoing import likeness
from sipagent.testing.phone import Phone

Serve = Any
Open = Any

PLAYS_FIRST = """
routes: [{to: "100"}]
sections:
  main:
    - play: {urls: ["say:Good morning to you all."], auto_answer: false}
    - answer
    - sleep: 60000
"""
CONNECTS = """
routes: [{to: "100"}]
policy: {destinations: ["sip:*@127.0.0.1:*"]}
sections:
  main:
    - connect: {to: "CALLEE", answer_on_bridge: true}
    - hangup
"""
RELIABLE = {"Supported": "100rel"}


@pytest.mark.rfc("3960", "early media to a caller not yet answered (183)")
async def test_a_caller_hears_what_is_played_before_the_answer(serve: Serve, phone: Open) -> None:
    server, alice = await serve(PLAYS_FIRST), await phone()
    call = await alice.dial(server.uri("100"))
    began = await call.wait_for_speech(10)
    assert call.messages(183)
    await call.wait_answered()
    assert call.times.answered is not None
    assert began < call.times.answered
    await call.hangup()


@pytest.mark.rfc("3262", "reliable provisional responses, as UAS")
@pytest.mark.parametrize("asked", [{"Supported": "100rel"}, {"Require": "100rel"}])
async def test_early_media_is_sent_until_it_is_acknowledged(
    serve: Serve, phone: Open, asked: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, alice = await serve(PLAYS_FIRST), await phone()
    call = await alice.dial(server.uri("100"), headers=RELIABLE | asked)
    acknowledge = call.session._provisionals.acknowledge
    heard: list[int] = []

    def second_only(response: Any) -> None:
        heard.append(response.status)
        if len(heard) > 1:
            acknowledge(response)

    monkeypatch.setattr(call.session._provisionals, "acknowledge", second_only)
    await call.wait_answered()
    first, again = call.messages(183)[:2]
    assert first.get("RSeq") == again.get("RSeq") != ""
    assert first.get("Require") == "100rel"
    (prack,) = call.distinct("PRACK", sent=True)
    assert prack.get("RAck").startswith(first.get("RSeq"))
    # the answer to the offer went with the 183; the 200 waited for its PRACK
    assert first.body
    assert not call.messages(200)[-1].body
    await call.hangup()


@pytest.mark.rfc("3262", "an INVITE that does not know PRACK gets plain provisional responses")
async def test_a_caller_without_prack_is_not_asked_for_it(serve: Serve, phone: Open) -> None:
    server, alice = await serve(PLAYS_FIRST), await phone()
    call = await alice.dial(server.uri("100"))
    await call.wait_answered()
    assert not call.messages(183)[0].get("Require")
    await call.hangup()


async def _early(call: Any) -> None:
    call.early_media(reliable=True)


@pytest.mark.rfc("3262", "reliable provisional responses, as UAC")
@pytest.mark.rfc("3960", "early media of a callee, heard by the caller while it rings")
async def test_a_caller_hears_the_callees_early_media_and_the_callee_its_prack(
    serve: Serve, phone: Open
) -> None:
    bob: Phone = await phone(user="bob")
    bob.on_call = _early
    server, alice = await serve(CONNECTS.replace("CALLEE", bob.uri)), await phone()
    call = await alice.dial(server.uri("100"))
    rings = await bob.wait_call()
    said = speech_like(2.0, seed=3)
    start = time.perf_counter()
    await rings.play(said)
    await call.wait_for_silence(300, 10)
    assert likeness(said, call.stream.heard.pcm(start)) > 0.8
    assert call.state == "early"
    assert not rings.session._provisionals.waiting
    (prack,) = rings.distinct("PRACK")
    assert rings.invite is not None
    assert prack.get("RAck").split(" ", 1)[1] == rings.invite.get("CSeq")
    assert "100rel" in rings.invite.get("Supported")
    rings.answer()
    await call.wait_answered()
    await call.play(speech_like(0.3))
    await call.hangup()
    assert (await rings.wait_ended()).by == "remote"
