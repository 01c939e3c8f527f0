"""Receivers as they are: kind, slow, wrong, gone; each is told everything, in order."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from sipagent.api.receivers import UnknownWebhook
from sipagent.app.hooks.selection import id_of
from sipagent.call.cdr import fold
from sipagent.events import Event, MessageReceived
from sipagent.testing.mortal import until
from sipagent.testing.ports import free_port
from sipagent.testing.web_server import Answer, Question

from .receiving import Receiver, call, hook, receiving, telling


def ids(events: list[Event]) -> list[str]:
    """What receivers know them by."""
    return [id_of(event) for event in events]


async def test_a_receiver_is_told_of_a_call_in_order_and_signed(tmp_path: Path) -> None:
    receiver, events = Receiver(), call("c1")
    async with (
        receiving(receiver) as server,
        telling(tmp_path, {"crm": hook(tmp_path, server.url)}) as told,
    ):
        told.happened(*events)
        told.hooks.recorded(fold(events))
        await told.idle()
        (view,) = told.hooks.views()
    assert receiver.taken == [*ids(events), "c1_call_record"]
    assert receiver.taken[0] == "c1_call_started"
    assert (view.state, view.delivered, view.error) == ("working", 5, "")
    first = receiver.bodies["c1_call_started"]
    assert (first["type"], first["data"]["caller"]) == ("call_started", "sip:ada@x")
    assert receiver.bodies["c1_call_record"]["data"]["plan"] == "reception"
    assert list((tmp_path / "webhooks").iterdir()) == []


async def test_what_people_said_is_told_only_to_whom_it_may(tmp_path: Path) -> None:
    shy, confidant, events = Receiver(), Receiver(), call("c1", lines=1)
    async with (
        receiving(shy) as one,
        receiving(confidant) as other,
        telling(
            tmp_path,
            {
                "shy": hook(tmp_path, one.url),
                "confidant": hook(tmp_path, other.url, personal=True, events="said"),
            },
        ) as told,
    ):
        told.happened(*events)
        await told.idle()
    said = id_of(events[1])
    assert "text" not in shy.bodies[said]["data"]
    assert confidant.bodies[said]["data"]["text"] == "line 0"
    assert confidant.taken == [said]


async def test_only_calls_of_its_plans_are_told(tmp_path: Path) -> None:
    receiver = Receiver()
    plans = {"c1": "sales", "c2": "support"}
    async with (
        receiving(receiver) as server,
        telling(tmp_path, {"crm": hook(tmp_path, server.url, plans="sales")}, plans) as told,
    ):
        told.happened(*call("c1", 0), *call("c2", 0))
        told.happened(MessageReceived(call_id="", sender="sip:ada@x", text="hello"))
        await told.idle()
    assert receiver.taken == ["c1_call_started", "c1_call_ended"]


async def test_what_a_receiver_did_not_take_is_told_again_by_the_same_id(tmp_path: Path) -> None:
    statuses = iter([500, 503, 302, 404, 200, 500])
    receiver = Receiver(lambda question: Answer(next(statuses, 200), headers={"Location": "/x"}))
    events = call("c1")
    async with (
        receiving(receiver) as server,
        telling(tmp_path, {"crm": hook(tmp_path, f"{server.url}/in")}) as told,
    ):
        told.happened(*events)
        await told.idle()
        assert {question.path for question in server.requests} == {"/in"}
    assert receiver.taken == ids(events)
    tried = [event_id for _, event_id in receiver.attempts]
    assert tried[:5] == ["c1_call_started"] * 5
    assert [change.change for change in told.changes] == ["failing", "recovered"]
    assert "redirects are not followed" in told.changes[0].detail


async def test_retry_after_is_honoured(tmp_path: Path) -> None:
    answers = iter([Answer(429, headers={"Retry-After": "1"})])
    receiver = Receiver(lambda question: next(answers, Answer(200)))
    async with (
        receiving(receiver) as server,
        telling(tmp_path, {"crm": hook(tmp_path, server.url)}) as told,
    ):
        told.happened(*call("c1", 0))
        await told.idle()
    (before, _), (after, _), *_ = receiver.attempts
    assert after - before >= 1
    assert receiver.taken == ["c1_call_started", "c1_call_ended"]


async def test_retry_after_may_be_a_date_and_is_bounded(tmp_path: Path) -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(days=9), usegmt=True)
    receiver = Receiver(lambda question: Answer(503, headers={"Retry-After": later}))
    async with (
        receiving(receiver) as server,
        telling(tmp_path, {"crm": hook(tmp_path, server.url)}) as told,
    ):
        told.happened(*call("c1", 0))
        await until(lambda: told.hooks.views()[0].error)
        (view,) = told.hooks.views()
    assert view.next_try is not None
    assert timedelta(minutes=50) < view.next_try - datetime.now(UTC) <= timedelta(hours=1)


async def test_a_receiver_that_wants_no_more_gets_no_more_until_a_test_of_it_works(
    tmp_path: Path,
) -> None:
    gone = [True]
    receiver = Receiver(lambda question: Answer(410 if gone[0] else 200))
    async with receiving(receiver) as server:
        settings = {"crm": hook(tmp_path, server.url)}
        async with telling(tmp_path, settings) as told:
            told.happened(*call("c1"))
            ended = await told.changed("ended")
            assert (ended.webhook, ended.dropped) == ("crm", 4)
        async with telling(tmp_path, settings) as told:
            told.happened(*call("c2"))
            (view,) = told.hooks.views()
            assert (view.state, view.waiting) == ("ended", 0)
            assert not (await told.hooks.test("crm")).ok
            gone[0] = False
            tried = await told.hooks.test("crm")
            assert (tried.ok, tried.status) == (True, 200)
            told.happened(*call("c3", 0))
            await told.idle()
        async with telling(tmp_path, settings) as told:
            assert told.hooks.views()[0].state == "working"
    assert receiver.taken[-2:] == ["c3_call_started", "c3_call_ended"]
    with pytest.raises(UnknownWebhook):
        await told.hooks.test("crm")


async def test_a_receiver_that_hangs_delays_no_other(tmp_path: Path) -> None:
    waiting = asyncio.Event()

    async def never(question: Question) -> AsyncIterator[bytes]:
        await waiting.wait()
        yield b""

    hanging, quick = Receiver(never), Receiver()
    async with (
        receiving(hanging) as one,
        receiving(quick) as other,
        telling(
            tmp_path,
            {"hanging": hook(tmp_path, one.url, timeout=60), "quick": hook(tmp_path, other.url)},
        ) as told,
    ):
        told.happened(*call("c1"))
        await until(lambda: {v.name: v.waiting for v in told.hooks.views()}["quick"] == 0)
        assert {v.name: v.waiting for v in told.hooks.views()} == {"hanging": 4, "quick": 0}
        waiting.set()
    assert len(quick.taken) == 4


async def test_no_answer_in_time_is_a_failure_and_an_endless_one_is_not_waited_for(
    tmp_path: Path,
) -> None:
    async def endless(question: Question) -> AsyncIterator[bytes]:
        yield b"HTTP/1.1 200 X\r\n\r\n"
        while True:
            yield bytes(65_536)

    async def silent(question: Question) -> AsyncIterator[bytes]:
        await asyncio.sleep(60)
        yield b""

    answers = iter([silent, endless])

    def answer(question: Question) -> Answer | AsyncIterator[bytes]:
        odd = next(answers, None)
        return odd(question) if odd is not None else Answer(200)

    receiver = Receiver(answer)
    async with (
        receiving(receiver) as server,
        telling(tmp_path, {"crm": hook(tmp_path, server.url, timeout=0.3)}) as told,
    ):
        told.happened(*call("c1", 0))
        await told.idle()
        (view,) = told.hooks.views()
    assert "no answer within 0.3 s" in view.error
    assert view.delivered == 2


async def test_a_receiver_that_was_dead_is_told_all_of_it_when_it_lives(tmp_path: Path) -> None:
    receiver, port = Receiver(), free_port()
    events = [*call("c1", 20), *call("c2", 20)]
    async with telling(tmp_path, {"crm": hook(tmp_path, f"http://127.0.0.1:{port}")}) as told:
        told.happened(*events)
        failing = await told.changed("failing")
        assert "cannot be reached" in failing.detail
        assert told.hooks.views()[0].waiting == len(events)
        async with receiving(receiver, port):
            assert (await told.hooks.test("crm")).ok
            await told.idle()
    for name in ("c1", "c2"):
        assert [x for x in receiver.taken if x.startswith(name)] == [
            x for x in ids(events) if x.startswith(name)
        ]


async def test_a_long_queue_is_told_no_faster_than_the_settings_say(tmp_path: Path) -> None:
    receiver = Receiver()
    async with (
        receiving(receiver) as server,
        telling(tmp_path, {"crm": hook(tmp_path, server.url, per_second=20)}) as told,
    ):
        told.happened(*(event for n in range(5) for event in call(f"c{n}", 0)))
        await told.idle()
    times = [moment for moment, _ in receiver.attempts]
    assert len(times) == 10
    assert times[-1] - times[0] > 0.3  # nine pauses of 0.05 s, less what the first was late


async def test_what_nobody_took_in_time_is_given_up_and_the_operator_told(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    async with telling(tmp_path, {"crm": hook(tmp_path, url, give_up_after=0.1)}) as told:
        told.happened(*call("c1", 0))
        await told.idle()
    dropped = next(change for change in told.changes if change.change == "dropped")
    assert dropped.detail == "not taken within 0.1 s"


async def test_a_reload_adds_changes_and_removes_receivers(tmp_path: Path) -> None:
    old, new = Receiver(lambda question: Answer(500)), Receiver()
    async with (
        receiving(old) as one,
        receiving(new) as other,
        telling(tmp_path, {"crm": hook(tmp_path, one.url)}) as told,
    ):
        told.happened(*call("c1", 0))
        await until(lambda: old.attempts)
        await told.hooks.reload({"crm": hook(tmp_path, other.url), "more": hook(tmp_path, one.url)})
        await until(lambda: len(new.taken) == 2)
        told.happened(*call("c2", 0))
        await until(lambda: len(new.taken) == 4)
        await told.hooks.reload({"crm": hook(tmp_path, other.url)})
        assert [view.name for view in told.hooks.views()] == ["crm"]
        await told.idle()
    assert new.taken[:2] == ["c1_call_started", "c1_call_ended"]
    assert list((tmp_path / "webhooks").iterdir()) == []


async def test_a_full_spool_tells_the_operator_and_keeps_the_newest(tmp_path: Path) -> None:
    receiver, port = Receiver(), free_port()
    settings = hook(tmp_path, f"http://127.0.0.1:{port}", spool_bytes=65_536)
    async with telling(tmp_path, {"crm": settings}) as told:
        events = [event for n in range(300) for event in call(f"c{n}", 0)]
        told.happened(*events)
        dropped = await told.changed("dropped")
        assert dropped.dropped > 0
        (view,) = told.hooks.views()
        assert view.waiting + view.dropped == len(events)
        async with receiving(receiver, port):
            await told.hooks.test("crm")
            await told.idle()
    taken = [event_id for event_id in receiver.taken if not event_id.startswith("test_")]
    assert len(taken) == view.waiting
    assert {"c299_call_started", "c299_call_ended"} <= set(taken)
